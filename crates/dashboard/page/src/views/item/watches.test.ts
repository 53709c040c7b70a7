// Which monitors look at an item.

import { expect, test } from "vitest";
import type { Item, Monitor } from "../../live/stock";
import { watches } from "./watches";

const ITEM = { id: 7, sku: "ENV-C6", reorder_point: null, attributes: { bin: "A", empty: null } } as unknown as Item;

function monitor(scope: Monitor["scope"], kind: "below" | "at_reorder_point" = "below"): Monitor {
  return { scope, condition: { kind, threshold: 3 } } as Monitor;
}

test("a scope is one item, all, a beginning of skus, or a value of an attribute", () => {
  const scopes: [Monitor["scope"], boolean][] = [
    [{ kind: "item", item_id: 7 }, true],
    [{ kind: "item", item_id: 8 }, false],
    [{ kind: "all" }, true],
    [{ kind: "sku_prefix", prefix: "ENV-" }, true],
    [{ kind: "sku_prefix", prefix: "env-" }, false],
    [{ kind: "attribute", name: "bin", value: "A" }, true],
    [{ kind: "attribute", name: "bin", value: "B" }, false],
    [{ kind: "attribute", name: "empty", value: null }, true],
    [{ kind: "attribute", name: "missing", value: null }, false],
  ];
  for (const [scope, expected] of scopes) expect(watches(monitor(scope), ITEM, false), scope.kind).toBe(expected);
});

test("who looks at reorder points looks only at items that have one", () => {
  const reorder = monitor({ kind: "all" }, "at_reorder_point");
  expect(watches(reorder, ITEM, false)).toBe(false);
  expect(watches(reorder, { ...ITEM, reorder_point: 5 }, false)).toBe(true);
});

test("of a deleted item only its own monitors are left", () => {
  expect(watches(monitor({ kind: "all" }), ITEM, true)).toBe(false);
  expect(watches(monitor({ kind: "item", item_id: 7 }), ITEM, true)).toBe(true);
});
