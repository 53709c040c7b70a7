// How values look in the table and on cards.

import { t } from "../../i18n";
import { ago, moment, price, whole } from "../../i18n/format";
import { decimalText } from "../../api/decimal";
import { nameOf } from "../../live/actors";
import type { Item } from "../../live/stock";
import { now } from "../../ui/clock";
import { attributeTitle, type Column } from "./columns";
import { valueOf } from "./amounts";
import { textOf, type Value, valueIn } from "./fields";
import { isLow } from "./query";
import { isRounded } from "./raw";

export function columnTitle(column: Column): string {
  return attributeTitle(column) ?? t(`inventory.column_${column as Exclude<Column, `attributes.${string}`>}`);
}

/** A value as people read it. */
export function display(column: Column, value: Value): string {
  if (value === null || value === undefined) return "";
  if (column === "price" && typeof value === "string") return price(value);
  if ((column === "quantity" || column === "reorder_point") && typeof value === "number") return whole(value);
  // What JavaScript has rounded isn't shown as if it were exact.
  return isRounded(value) ? `≈ ${textOf(value)}` : textOf(value);
}

export function Ago({ at }: { at: string }) {
  return (
    <time dateTime={at} title={moment(at)}>
      {ago(at, Math.max(now.value, Date.parse(at)))}
    </time>
  );
}

/** Says in words what the level of stock is. */
export function LevelBadge({ item }: { item: Item }) {
  if (item.quantity === 0) return <span class="badge danger">{t("inventory.out")}</span>;
  if (isLow(item)) return <span class="badge warning">{t("inventory.low")}</span>;
  return null;
}

export function CellText({ item, column }: { item: Item; column: Column }) {
  switch (column) {
    case "value": {
      const value = valueOf(item);
      return <>{value === null ? "" : price(decimalText(value))}</>;
    }
    case "updated_at":
    case "created_at":
      return <Ago at={item[column]} />;
    default:
      return <>{display(column, valueIn(item, column))}</>;
  }
}

/** Who did it. */
export function WhoTag({ actor, text }: { actor: string; text: string }) {
  return (
    <span class="who">
      <span class="hidden">{text} </span>
      {nameOf(actor)}
    </span>
  );
}
