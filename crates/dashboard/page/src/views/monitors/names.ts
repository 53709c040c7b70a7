// What items are called where only their id is known.

import { items } from "../../live/stock";

export function itemName(id: number): string | undefined {
  const item = items.state.value.rows.get(id);
  return item === undefined ? undefined : item.sku == null ? item.name : `${item.name} (${item.sku})`;
}
