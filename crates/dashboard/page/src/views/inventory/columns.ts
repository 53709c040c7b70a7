// The columns that the table can show: what each is sorted by, how wide it is, and which of them this browser shows, in which
// order. Attributes are columns, too.

import { type Signal, signal } from "@preact/signals";
import type { Item } from "../../live/stock";
import { tenThousandths } from "../../api/decimal";
import { valueOf } from "./amounts";
import { attributeOf, type Field, fieldOfAttribute, isAttribute, textOf, valueIn } from "./fields";
import { recall, remember } from "../../ui/stored";

export const COLUMNS = [
  "name",
  "sku",
  "quantity",
  "unit",
  "price",
  "reorder_point",
  "value",
  "description",
  "updated_at",
  "created_at",
] as const;
export type OwnColumn = (typeof COLUMNS)[number];
export type Column = OwnColumn | `attributes.${string}`;

/** What rows are sorted by; `null` comes last. */
export type SortKey = string | number | bigint | null;

/** How much room a column takes at least, in pixels. */
const WIDTHS: Record<OwnColumn, number> = {
  name: 220,
  sku: 140,
  quantity: 136,
  unit: 76,
  price: 96,
  reorder_point: 116,
  value: 116,
  description: 220,
  updated_at: 132,
  created_at: 190,
};

export function widthOf(column: Column): number {
  return isAttribute(column) ? 130 : WIDTHS[column];
}

const NUMERIC: ReadonlySet<Column> = new Set(["quantity", "price", "reorder_point", "value"]);

export function isNumeric(column: Column): boolean {
  return NUMERIC.has(column);
}

/** The field that is edited in the column, if one is. */
export function fieldOf(column: Column): Field | undefined {
  return column === "value" || column === "updated_at" || column === "created_at" ? undefined : column;
}

export function sortKey(item: Item, column: Column): SortKey {
  switch (column) {
    case "value":
      return valueOf(item);
    case "price":
      return item.price === null ? null : tenThousandths(item.price);
    case "updated_at":
    case "created_at":
      return Date.parse(item[column]);
    default: {
      const value = valueIn(item, column);
      if (value === null || typeof value === "number" || typeof value === "string") return value;
      return textOf(value);
    }
  }
}

const STORED = "stockwire.inventory.columns";
const USUAL: readonly Column[] = ["name", "sku", "quantity", "unit", "price", "value", "updated_at"];

/** What was stored, as far as it makes sense; the name is always shown. */
export function readColumns(text: string | null): readonly Column[] {
  let stored: unknown;
  try {
    stored = JSON.parse(text ?? "null");
  } catch {
    return USUAL;
  }
  if (!Array.isArray(stored)) return USUAL;
  const known = stored.filter(isColumn);
  return [...new Set<Column>(known.includes("name") ? known : ["name", ...known])];
}

export function isColumn(text: unknown): text is Column {
  return typeof text === "string" && (COLUMNS.some((column) => column === text) || isAttribute(text));
}

export const visibleColumns: Signal<readonly Column[]> = signal(readColumns(recall(STORED)));

export function showColumns(columns: readonly Column[]): void {
  visibleColumns.value = columns;
  remember(STORED, JSON.stringify(columns));
}

export function usualColumns(): void {
  showColumns(USUAL);
}

/** The columns of the attributes that items have, the most common first. */
export function attributeColumns(items: Iterable<Item>): readonly Column[] {
  const counts = new Map<string, number>();
  for (const item of items) {
    for (const name of Object.keys(item.attributes)) counts.set(name, (counts.get(name) ?? 0) + 1);
  }
  return [...counts].sort(([a, n], [b, m]) => m - n || (a < b ? -1 : 1)).map(([name]) => fieldOfAttribute(name));
}

/** What a column is called: an attribute by its own name. */
export function attributeTitle(column: Column): string | undefined {
  return isAttribute(column) ? attributeOf(column) : undefined;
}
