// Invites a user, and shows the link that lets them in, once, where no letter takes it to them.

import { useState } from "preact/hooks";
import { api, good } from "../../api/client";
import type { components } from "../../api/schema.gen";
import { t } from "../../i18n";
import { moment } from "../../i18n/format";
import { Button } from "../../ui/button";
import { CopyField } from "../../ui/copy-field";
import { Dialog } from "../../ui/dialog";
import { ChoiceField, TextField } from "../../ui/field";
import { useAct } from "./act";
import { Trouble } from "../../ui/trouble";
import type { User } from "./users";

export type Invitation = components["schemas"]["Invitation"];
export type Role = User["role"];
export const ROLES: readonly Role[] = ["viewer", "clerk", "manager", "owner"];

interface Props {
  onClose: () => void;
  onInvited: (user: User, invitation: Invitation) => void;
}

export function InviteUser({ onClose, onInvited }: Props) {
  const [name, setName] = useState("");
  const [email, setEmail] = useState("");
  const [role, setRole] = useState<Role>("clerk");
  const act = useAct();
  const submit = (): Promise<boolean> =>
    act.run(async () => {
      const invited = await good(api.POST("/api/v1/users", { body: { name, email, role } }));
      onInvited(invited, invited.invitation);
    });
  const isPlaced = (act.wrong?.errors.length ?? 0) > 0;
  return (
    <Dialog
      title={t("account.invite_title")}
      onClose={onClose}
      onSubmit={submit}
      actions={
        <>
          <Button onClick={onClose}>{t("common.cancel")}</Button>
          <Button type="submit" kind="primary" disabled={act.busy || name.trim() === "" || email.trim() === ""}>
            {t("account.invite")}
          </Button>
        </>
      }
    >
      <TextField
        label={t("account.user_name")}
        value={name}
        maxLength={200}
        onText={setName}
        wrong={act.wrong?.of("name")}
      />
      <TextField
        label={t("account.email")}
        hint={t("account.email_hint")}
        type="email"
        value={email}
        maxLength={254}
        onText={setEmail}
        wrong={act.wrong?.of("email")}
      />
      <RoleField role={role} onRole={setRole} />
      <Trouble problem={isPlaced ? undefined : act.wrong} />
    </Dialog>
  );
}

export function RoleField({
  role,
  onRole,
  disabled,
}: {
  role: Role;
  onRole: (role: Role) => void;
  disabled?: boolean;
}) {
  return (
    <ChoiceField
      label={t("account.role")}
      hint={t(`account.role_${role}_text`)}
      value={role}
      disabled={disabled}
      choices={ROLES.map((value) => ({ value, text: t(`account.role_${value}`) }))}
      onChoice={onRole}
    />
  );
}

interface ShownProps {
  name: string;
  email: string;
  invitation: Invitation;
  onClose: () => void;
}

export function LinkShown({ name, email, invitation, onClose }: ShownProps) {
  const until = moment(invitation.expires_at);
  const link = invitation.link ?? undefined;
  return (
    <Dialog
      final
      title={t("account.link_title", { name })}
      onClose={onClose}
      actions={
        <Button kind="primary" onClick={onClose}>
          {link === undefined ? t("common.close") : t("account.link_passed_on")}
        </Button>
      }
    >
      {link === undefined ? (
        <p class={invitation.delivery === "failed" ? "notice danger" : "notice"}>
          {t(invitation.delivery === "failed" ? "account.link_failed" : "account.link_sent", { email, until })}
        </p>
      ) : (
        <>
          <p class="notice warning">{t("account.link_once")}</p>
          <CopyField label={t("account.link")} text={link} lines={3} hint={t("account.link_until", { until })} />
        </>
      )}
    </Dialog>
  );
}
