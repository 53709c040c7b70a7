// ItemPage.

import { t } from "../../i18n";

export function ItemPage({ id }: { id: number }) {
  return (
    <div class="view">
      <h1>
        {t("item.title")} {id}
      </h1>
    </div>
  );
}
