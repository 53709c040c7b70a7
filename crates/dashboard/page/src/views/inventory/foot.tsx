// Below the table: what all shown items are together, and what is done with the selected ones.

import { t } from "../../i18n";
import { price } from "../../i18n/format";
import { decimalText } from "../../api/decimal";
import { may } from "../../api/session";
import { Button } from "../../ui/button";
import { askAdjust, askDelete } from "./doing";
import { itemOf, known, outOfOrder, reorder, totals } from "./model";
import { selection } from "./state";

export function Foot() {
  const { items, quantity, value } = totals();
  const all = known();
  return (
    <div class="foot">
      <OrderHint />
      <Selected />
      <span>
        {items === all ? t("inventory.items", { count: items }) : t("inventory.items_of", { count: items, all })}
      </span>
      <span class="wide-only">{t("inventory.total_quantity", { quantity: quantity.toLocaleString() })}</span>
      <span>{t("inventory.total_value", { value: price(decimalText(value)) })}</span>
    </div>
  );
}

function Selected() {
  const ids = selection.value;
  if (ids.size === 0) return null;
  const chosen = () => [...ids].map(itemOf).filter((item) => item !== undefined);
  return (
    <div class="selected" role="group" aria-label={t("inventory.selected", { count: ids.size })}>
      <strong>{t("inventory.selected", { count: ids.size })}</strong>
      {may("stock") && (
        <Button small onClick={() => askAdjust(chosen())}>
          {t("inventory.adjust")}
        </Button>
      )}
      {may("items") && (
        <Button small icon="trash" onClick={() => askDelete(chosen())}>
          {t("common.delete")}
        </Button>
      )}
      <Button small kind="plain" onClick={() => (selection.value = new Set())}>
        {t("inventory.select_none")}
      </Button>
    </div>
  );
}

/**
 * The order is held while somebody is at work in the rows: says so once it isn't true any more. It
 * stands here because nothing above the rows may push them away.
 */
function OrderHint() {
  const moved = outOfOrder.value;
  if (moved === 0) return null;
  return (
    <div class="order-hint">
      <span>{t("inventory.out_of_order", { count: moved })}</span>
      <Button small icon="history" onClick={reorder}>
        {t("inventory.reorder")}
      </Button>
    </div>
  );
}
