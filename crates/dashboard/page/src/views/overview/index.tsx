// Overview.

import { t } from "../../i18n";

export function Overview() {
  return (
    <div class="view">
      <h1>{t("overview.title")}</h1>
    </div>
  );
}
