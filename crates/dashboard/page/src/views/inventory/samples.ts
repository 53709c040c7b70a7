// Items for the tests of this view.

import type { Item } from "../../live/stock";

export function anItem(fields: Partial<Item> = {}): Item {
  return {
    id: 1,
    sku: null,
    name: "Item",
    description: null,
    quantity: 0,
    unit: "each",
    price: null,
    reorder_point: null,
    attributes: {},
    version: 1,
    created_at: "2026-11-22T10:00:00Z",
    updated_at: "2026-11-22T10:00:00Z",
    ...fields,
  };
}
