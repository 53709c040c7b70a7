// Notifications.

import { t } from "../../i18n";

export function Notifications() {
  return (
    <div class="view">
      <h1>{t("notifications.title")}</h1>
    </div>
  );
}
