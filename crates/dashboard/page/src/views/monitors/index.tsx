// Monitors.

import { t } from "../../i18n";

export function Monitors() {
  return (
    <div class="view">
      <h1>{t("monitors.title")}</h1>
    </div>
  );
}
