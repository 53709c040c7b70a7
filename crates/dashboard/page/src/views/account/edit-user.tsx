// Changes a user's name, address or role, unless somebody else just did.

import { useState } from "preact/hooks";
import { api, good, tagOf } from "../../api/client";
import { t } from "../../i18n";
import { isMe } from "../../live/actors";
import { Button } from "../../ui/button";
import { Dialog } from "../../ui/dialog";
import { TextField } from "../../ui/field";
import { toast } from "../../ui/toasts";
import { useAct } from "./act";
import { type Role, RoleField } from "./invite";
import { Trouble } from "../../ui/trouble";
import type { User } from "./users";

export function EditUser({ user, onClose, onChanged }: { user: User; onClose: () => void; onChanged: () => void }) {
  const [name, setName] = useState(user.name);
  const [email, setEmail] = useState(user.email);
  const [role, setRole] = useState<Role>(user.role);
  const act = useAct();
  const body = {
    ...(name !== user.name && { name }),
    ...(email !== user.email && { email }),
    ...(role !== user.role && { role }),
  };
  const changes = Object.keys(body).length > 0;
  const submit = async (): Promise<void> => {
    if (!changes) {
      onClose();
      return;
    }
    const params = { path: { id: user.id }, header: { "If-Match": tagOf(user.version) } };
    const done = await act.run(async () => {
      await good(api.PATCH("/api/v1/users/{id}", { params, body }));
    });
    if (!done) return;
    toast({ text: t("account.user_edit_done", { name }), kind: "good" });
    onChanged();
    onClose();
  };
  const wrong = act.wrong;
  const isStale = wrong?.code === "version_mismatch";
  return (
    <Dialog
      title={t("account.user_edit_title", { name: user.name })}
      onClose={onClose}
      onSubmit={submit}
      actions={
        <>
          <Button onClick={onClose}>{t("common.cancel")}</Button>
          <Button type="submit" kind="primary" disabled={act.busy || isStale}>
            {t("common.save")}
          </Button>
        </>
      }
    >
      <TextField
        label={t("account.user_name")}
        value={name}
        maxLength={200}
        onText={setName}
        wrong={wrong?.of("name")}
      />
      <TextField
        label={t("account.email")}
        type="email"
        value={email}
        maxLength={254}
        onText={setEmail}
        wrong={wrong?.of("email")}
      />
      <RoleField role={role} onRole={setRole} />
      {role !== user.role && (
        <p class="notice">{t(isMe(`user:${user.id}`) ? "account.role_own" : "account.role_lower")}</p>
      )}
      {isStale ? (
        <div class="notice danger row" role="alert">
          <span>{t("account.user_stale")}</span>
          <Button
            small
            onClick={() => {
              onChanged();
              onClose();
            }}
          >
            {t("account.user_stale_again")}
          </Button>
        </div>
      ) : (
        <Trouble problem={(wrong?.errors.length ?? 0) > 0 ? undefined : wrong} />
      )}
    </Dialog>
  );
}
