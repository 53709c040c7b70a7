// What a change changed, as people are told.

import { expect, test } from "vitest";
import { differences, eventOf } from "./differences";
import type { Item } from "./stock";

const ITEM: Item = {
  id: 7,
  sku: "A-1",
  name: "Bolt",
  description: null,
  quantity: 3,
  unit: "piece",
  price: "1.5000",
  reorder_point: null,
  attributes: { colour: "red", size: { width: 2 } },
  version: 4,
  created_at: "2026-01-01T00:00:00Z",
  updated_at: "2026-01-02T00:00:00Z",
};

test("only the first version creates an item", () => {
  expect(eventOf("create", 1)).toBe("created");
  expect(eventOf("create", 5)).toBe("restored");
  expect(eventOf("update", 5)).toBe("updated");
  expect(eventOf("delete", 6)).toBe("deleted");
});

test("an update names the fields that it changed, also what was set for the first time", () => {
  expect(differences("updated", ITEM, { quantity: 5, price: null })).toEqual([
    { kind: "field", field: "quantity", before: 5, after: 3 },
    { kind: "field", field: "price", before: null, after: "1.5000" },
  ]);
});

test("attributes are compared by their names", () => {
  const previous = { attributes: { colour: "blue", size: { width: 2 }, old: 1 } };
  expect(differences("updated", ITEM, previous)).toEqual([
    { kind: "attribute", name: "colour", before: "blue", after: "red" },
    { kind: "attribute", name: "old", before: 1, after: undefined },
  ]);
});

test("a creation names what the item began with, and nothing that is empty", () => {
  const found = differences("created", ITEM, null);
  expect(found.map((one) => (one.kind === "field" ? one.field : one.name))).toEqual([
    "name",
    "sku",
    "quantity",
    "unit",
    "price",
    "colour",
    "size",
  ]);
});

test("a deletion and a restoration are told as such", () => {
  expect(differences("deleted", null, { ...ITEM })).toEqual([]);
  expect(differences("restored", ITEM, null)).toEqual([]);
});
