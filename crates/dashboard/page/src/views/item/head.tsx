// The head of the item page: what it is, how much there is, and whether that is enough.

import { t } from "../../i18n";
import { price, whole } from "../../i18n/format";
import type { Item } from "../../live/stock";
import { Actions } from "./actions";

export function stockState(item: Item): "out_of_stock" | "low_stock" | "in_stock" {
  if (item.quantity === 0) return "out_of_stock";
  return item.reorder_point !== null && item.quantity <= item.reorder_point ? "low_stock" : "in_stock";
}

const KIND = { out_of_stock: "danger", low_stock: "warning", in_stock: "good" } as const;

export function Head({ item, deleted }: { item: Item; deleted: boolean }) {
  const state = stockState(item);
  return (
    <header class="stack">
      <div class="row spread">
        <div>
          <h1 class="item-name">{item.name}</h1>
          {item.sku !== null && <span class="mono quiet">{item.sku}</span>}
        </div>
        <Actions item={item} deleted={deleted} />
      </div>
      {deleted && <p class="notice warning">{t("item.deleted_note")}</p>}
      <div class="item-figures">
        <p class="figure">
          <span class="quiet">{t("item.quantity")}</span>
          <strong key={item.version} class={deleted ? "" : "item-flash"} data-field="quantity">
            {whole(item.quantity)} <span class="unit">{item.unit}</span>
          </strong>
        </p>
        {item.price !== null && (
          <p class="figure">
            <span class="quiet">{t("item.price")}</span>
            <strong data-field="price">{price(item.price)}</strong>
          </p>
        )}
        <span class={`badge ${deleted ? "" : KIND[state]}`} data-state={deleted ? "deleted" : state}>
          {deleted ? t("item.deleted") : t(`item.${state}`)}
        </span>
      </div>
    </header>
  );
}
