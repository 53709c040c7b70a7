// The users of the tenant, for its owners: invited, changed, kept out, let in again, deleted.

import { useRef, useState } from "preact/hooks";
import { api, good, reasonHeader, tagOf } from "../../api/client";
import type { components } from "../../api/schema.gen";
import { t } from "../../i18n";
import { day } from "../../i18n/format";
import { isMe } from "../../live/actors";
import { Button } from "../../ui/button";
import { Menu } from "../../ui/menu";
import { toast } from "../../ui/toasts";
import { Confirm } from "./confirm";
import { type Invitation, InviteUser, LinkShown } from "./invite";
import { PagedFoot, usePaged } from "../../ui/paged";
import { EditUser } from "./edit-user";
import { UserDevices } from "./user-devices";

export type User = components["schemas"]["User"];

/** What is asked about before it is done. */
type Asked = "delete" | "disable" | "enable" | "link";
type UserAct = Asked | "edit" | "devices";

type Doing =
  | { readonly kind: "invite" }
  | { readonly kind: Asked; readonly user: User }
  | { readonly kind: "edit" | "devices"; readonly user: User }
  | { readonly kind: "shown"; readonly user: User; readonly invitation: Invitation };

export function Users() {
  const users = usePaged("users", (after) =>
    good(api.GET("/api/v1/users", { params: { query: { limit: 200, ...(after !== undefined && { after }) } } })),
  );
  const [doing, setDoing] = useState<Doing>();
  const done = (): void => setDoing(undefined);
  return (
    <section class="stack" aria-labelledby="users">
      <div class="row spread">
        <h2 id="users">{t("account.part_users")}</h2>
        <Button kind="primary" icon="add" onClick={() => setDoing({ kind: "invite" })}>
          {t("account.invite")}
        </Button>
      </div>
      {users.rows.length > 0 && (
        <div class="table-scroll">
          <table class="plain-table">
            <thead>
              <tr>
                <th scope="col">{t("account.user_name")}</th>
                <th scope="col">{t("account.email")}</th>
                <th scope="col">{t("account.role")}</th>
                <th scope="col">{t("account.state")}</th>
                <th scope="col">{t("account.since")}</th>
                <th scope="col">
                  <span class="hidden">{t("common.more")}</span>
                </th>
              </tr>
            </thead>
            <tbody>
              {users.rows.map((user) => (
                <UserRow key={user.id} user={user} onDo={(kind) => setDoing({ kind, user })} />
              ))}
            </tbody>
          </table>
        </div>
      )}
      <PagedFoot list={users} empty={t("common.none")} />
      {doing !== undefined && <Doings doing={doing} onDo={setDoing} onClose={done} onChanged={users.reload} />}
    </section>
  );
}

function UserRow({ user, onDo }: { user: User; onDo: (act: UserAct) => void }) {
  const own = isMe(`user:${user.id}`);
  const acts: readonly UserAct[] = [
    "edit",
    "devices",
    ...(user.disabled ? [] : (["link"] as const)),
    ...(own ? [] : [user.disabled ? ("enable" as const) : ("disable" as const), "delete" as const]),
  ];
  const state = user.disabled ? "disabled" : user.has_password ? "active" : "invited";
  const colours = { disabled: "danger", active: "good", invited: "info" };
  return (
    <tr>
      <th scope="row">
        {user.name} {own && <span class="quiet">({t("common.you")})</span>}
      </th>
      <td>{user.email}</td>
      <td>{t(`account.role_${user.role}`)}</td>
      <td>
        <span class={`badge ${colours[state]}`}>{t(`account.user_${state}`)}</span>
      </td>
      <td>{day(user.created_at)}</td>
      <td>
        <Menu small icon="more" label={t("account.user_menu", { name: user.name })}>
          {acts.map((act) => (
            <button key={act} type="button" class="menu-item" onClick={() => onDo(act)}>
              {t(`account.user_${act}`)}
            </button>
          ))}
        </Menu>
      </td>
    </tr>
  );
}

interface DoingProps {
  doing: Doing;
  onDo: (doing: Doing) => void;
  onClose: () => void;
  onChanged: () => void;
}

function Doings({ doing, onDo, onClose, onChanged }: DoingProps) {
  const made = useRef<Invitation>();
  switch (doing.kind) {
    case "invite":
      return (
        <InviteUser
          onClose={onClose}
          onInvited={(user, invitation) => {
            onDo({ kind: "shown", user, invitation });
            onChanged();
          }}
        />
      );
    case "shown":
      return (
        <LinkShown name={doing.user.name} email={doing.user.email} invitation={doing.invitation} onClose={onClose} />
      );
    case "edit":
      return <EditUser user={doing.user} onClose={onClose} onChanged={onChanged} />;
    case "devices":
      return <UserDevices user={doing.user} onClose={onClose} />;
    default:
      return (
        <Confirm
          // What follows may be another dialog of the same kind.
          key={doing.kind}
          title={t(`account.user_${doing.kind}_title`, { name: doing.user.name })}
          action={t(`account.user_${doing.kind}`)}
          danger={doing.kind === "delete" || doing.kind === "disable"}
          onConfirm={async (reason) => {
            made.current = await act(doing.kind, doing.user, reason);
            if (made.current === undefined) onChanged();
          }}
          onClose={() => {
            const invitation = made.current;
            if (invitation === undefined) onClose();
            else onDo({ kind: "shown", user: doing.user, invitation });
          }}
        >
          <p>{t(`account.user_${doing.kind}_text`)}</p>
        </Confirm>
      );
  }
}

async function act(kind: Asked, { id, name, version }: User, reason: string): Promise<Invitation | undefined> {
  const path = { id };
  const why = reasonHeader(reason);
  if (kind === "link") {
    return good(api.POST("/api/v1/users/{id}/password-link", { params: { path, header: why } }));
  }
  const header = { ...why, "If-Match": tagOf(version) };
  if (kind === "delete") await good(api.DELETE("/api/v1/users/{id}", { params: { path, header } }));
  else
    await good(api.PATCH("/api/v1/users/{id}", { params: { path, header }, body: { disabled: kind === "disable" } }));
  toast({ text: t(`account.user_${kind}_done`, { name }), kind: "good" });
  return undefined;
}
