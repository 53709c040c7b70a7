// What items are called where only their id is known.

import { itemOf } from "../../live/stock";

export function itemName(id: number): string | undefined {
  const item = itemOf(id);
  return item === undefined ? undefined : item.sku == null ? item.name : `${item.name} (${item.sku})`;
}
