// Where somebody is signed in: each session with the device, and the way to end it.

import { useState } from "preact/hooks";
import { api, good, reasonHeader } from "../../api/client";
import type { components } from "../../api/schema.gen";
import { t } from "../../i18n";
import { ago, day, moment } from "../../i18n/format";
import { signOut } from "../../shell/leaving";
import { Button } from "../../ui/button";
import { now } from "../../ui/clock";
import { toast } from "../../ui/toasts";
import { useAct } from "./act";
import { Confirm } from "./confirm";
import { describeDevice } from "./device";
import { type Paged, PagedFoot, usePaged } from "../../ui/paged";
import { Trouble } from "../../ui/trouble";
import { readSettings } from "./rules";

type Session = components["schemas"]["SessionDocument"];

/** Sessions of a user, one's own if none is named. */
export function useSessions(user: number | undefined): Paged<Session> {
  return usePaged(String(user), async () => {
    const query = user === undefined ? {} : { user: String(user) };
    const { data } = await good(api.GET("/api/v1/sessions", { params: { query } }));
    return { data, next_cursor: null };
  });
}

export async function endSession(id: number, reason: string): Promise<void> {
  const params = { path: { id: String(id) }, header: reasonHeader(reason) };
  const { response, error } = await api.DELETE("/api/v1/sessions/{id}", { params });
  // It is what was wanted if it has ended by itself.
  if (response.status !== 404) await good(Promise.resolve({ response, error }));
}

export function Devices() {
  const sessions = useSessions(undefined);
  const policy = usePaged("policy", async () => ({ data: [await readSettings()], next_cursor: null }));
  const [asking, setAsking] = useState<readonly Session[]>();
  const others = sessions.rows.filter(({ current }) => !current);
  const isSingle = policy.rows[0]?.session_policy === "single";
  return (
    <section class="stack" aria-labelledby="devices">
      <div class="row spread">
        <h2 id="devices">{t("account.devices_title")}</h2>
        {others.length > 0 && <Button onClick={() => setAsking(others)}>{t("account.end_others")}</Button>}
      </div>
      {policy.rows.length > 0 && (
        <p class="quiet">{t(isSingle ? "account.devices_single" : "account.devices_multiple")}</p>
      )}
      <SessionList sessions={sessions} onEnd={(session) => setAsking([session])} />
      {asking !== undefined && (
        <EndSessions sessions={asking} onClose={() => setAsking(undefined)} onEnded={sessions.reload} />
      )}
    </section>
  );
}

export function SessionList({ sessions, onEnd }: { sessions: Paged<Session>; onEnd: (session: Session) => void }) {
  const act = useAct();
  return (
    <>
      <ul class="devices">
        {sessions.rows.map((session) => (
          <li key={session.id} class="card">
            <div class="device-text">
              <div class="row">
                <strong>{describeDevice(session.device) ?? t("account.device_unknown")}</strong>
                {session.current && <span class="badge good">{t("account.this_device")}</span>}
              </div>
              <p class="quiet">
                {t("account.device_used", { ago: ago(session.last_used_at, now.value), address: session.address })}
              </p>
              <p class="quiet" title={session.device}>
                {t("account.device_since", { since: moment(session.created_at), until: day(session.expires_at) })}
              </p>
            </div>
            {session.current ? (
              <Button disabled={act.busy} onClick={() => act.run(signOut)}>
                {t("common.sign_out")}
              </Button>
            ) : (
              <Button onClick={() => onEnd(session)}>{t("account.end_session")}</Button>
            )}
          </li>
        ))}
      </ul>
      <Trouble problem={act.wrong} />
      <PagedFoot list={sessions} empty={t("account.devices_none")} />
    </>
  );
}

interface EndProps {
  sessions: readonly Session[];
  onClose: () => void;
  onEnded: () => void;
}

function EndSessions({ sessions, onClose, onEnded }: EndProps) {
  const end = async (reason: string): Promise<void> => {
    try {
      for (const { id } of sessions) await endSession(id, reason);
      toast({ text: t("account.sessions_ended", { count: sessions.length }), kind: "good" });
    } finally {
      onEnded();
    }
  };
  const count = sessions.length;
  return (
    <Confirm
      title={t("account.end_session_title", { count })}
      action={t("account.end_session")}
      danger
      onConfirm={end}
      onClose={onClose}
    >
      <p>{t("account.end_session_text")}</p>
      <ul>
        {sessions.map(({ id, device, address }) => (
          <li key={id}>
            {describeDevice(device) ?? t("account.device_unknown")}, {address}
          </li>
        ))}
      </ul>
    </Confirm>
  );
}
