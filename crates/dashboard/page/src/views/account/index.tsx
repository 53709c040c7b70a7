// Account.

import { t } from "../../i18n";

export function Account() {
  return (
    <div class="view">
      <h1>{t("account.title")}</h1>
    </div>
  );
}
