// Inventory.

import { t } from "../../i18n";

export function Inventory() {
  return (
    <div class="view">
      <h1>{t("inventory.title")}</h1>
    </div>
  );
}
