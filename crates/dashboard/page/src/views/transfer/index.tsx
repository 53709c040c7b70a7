// Transfer.

import { t } from "../../i18n";

export function Transfer() {
  return (
    <div class="view">
      <h1>{t("transfer.title")}</h1>
    </div>
  );
}
