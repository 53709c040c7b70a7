// Where another user is signed in, for owners, who can end it.

import { t } from "../../i18n";
import { Button } from "../../ui/button";
import { Dialog } from "../../ui/dialog";
import { useAct } from "./act";
import { endSession, SessionList, useSessions } from "./devices";
import { Trouble } from "../../ui/trouble";
import type { User } from "./users";

export function UserDevices({ user, onClose }: { user: User; onClose: () => void }) {
  const sessions = useSessions(user.id);
  const act = useAct();
  const others = sessions.rows.filter(({ current }) => !current);
  const end = async (ids: readonly number[]): Promise<void> => {
    await act.run(async () => {
      for (const id of ids) await endSession(id, "");
    });
    sessions.reload();
  };
  return (
    <Dialog
      wide
      title={t("account.user_devices_title", { name: user.name })}
      onClose={onClose}
      actions={
        <>
          {others.length > 1 && (
            <Button kind="danger" disabled={act.busy} onClick={() => end(others.map(({ id }) => id))}>
              {t("account.end_all")}
            </Button>
          )}
          <Button onClick={onClose}>{t("common.close")}</Button>
        </>
      }
    >
      <SessionList sessions={sessions} onEnd={({ id }) => void end([id])} />
      <Trouble problem={act.wrong} />
    </Dialog>
  );
}
