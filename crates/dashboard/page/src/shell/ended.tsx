// The moment when the login ends: it says why, and leads back in. Nothing behind it can be changed any more.

import { t } from "../i18n";
import { connection } from "../live/stock";
import { Button } from "../ui/button";
import { Dialog } from "../ui/dialog";

export function signInAddress(): string {
  return `/sign-in?next=${encodeURIComponent(location.pathname + location.search)}`;
}

export function Ended() {
  const status = connection.status.value;
  if (status.kind !== "ended") return null;
  const broken = status.reason === "broken";
  const act = (): void => {
    if (broken) location.reload();
    else location.assign(signInAddress());
  };
  return (
    <Dialog
      final
      title={broken ? t("connection.broken") : t("connection.ended_title")}
      onClose={() => {}}
      onSubmit={act}
      actions={
        <Button type="submit" kind="primary">
          {broken ? t("connection.reload") : t("connection.sign_in_again")}
        </Button>
      }
    >
      <p>{status.reason === "broken" ? t("connection.broken") : t(`connection.${status.reason}`)}</p>
    </Dialog>
  );
}
