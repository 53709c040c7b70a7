// The figures of the whole stock.

import { expect, test } from "vitest";
import type { Item } from "../../live/stock";
import { below, figuresOf } from "./figures";

let last = 0;

function item(quantity: number, reorder_point: number | null, price: string | null): Item {
  last += 1;
  return {
    id: last,
    sku: null,
    name: `item ${last}`,
    description: null,
    quantity,
    unit: "piece",
    price,
    reorder_point,
    attributes: {},
    version: 1,
    created_at: "2026-01-01T00:00:00Z",
    updated_at: "2026-01-01T00:00:00Z",
  };
}

test("an item at its reorder point is low, one without a reorder point never", () => {
  const figures = figuresOf([item(5, 5, null), item(6, 5, null), item(0, null, null), item(0, 0, null)], 10);
  expect(figures).toMatchObject({ items: 4, low: 2, out: 2, unpriced: 4, value: 0n });
});

test("what everything is worth is exact, however much it is", () => {
  const figures = figuresOf([item(Number.MAX_SAFE_INTEGER, null, "999999999999999.9999"), item(3, null, "0.0001")], 10);
  expect(figures.value).toBe(9_999_999_999_999_999_999n * BigInt(Number.MAX_SAFE_INTEGER) + 3n);
});

test("what is farthest below its reorder point comes first, as a share of that", () => {
  const slightly = item(900, 1000, null);
  const empty = item(0, 5, null);
  const half = item(5, 10, null);
  expect(figuresOf([slightly, half, empty], 10).lowest).toEqual([empty, half, slightly]);
  expect(below(empty)).toBe(1);
  expect(below(item(0, 0, null))).toBe(0);
});

test("of equal shares, what lacks more comes first; the order never depends on the order of items", () => {
  const [few, many] = [item(0, 5, null), item(0, 50, null)];
  expect(figuresOf([few, many], 10).lowest).toEqual([many, few]);
  expect(figuresOf([many, few], 10).lowest).toEqual([many, few]);
});

test("only the first few are kept", () => {
  const all = Array.from({ length: 1000 }, (_, index) => item((index * 37) % 1000, null, "2.5000"));
  const { dearest } = figuresOf(all, 3);
  expect(dearest.map(({ quantity }) => quantity)).toEqual([999, 998, 997]);
});

test("50,000 items are looked at within a fraction of a second", () => {
  const all = Array.from({ length: 50_000 }, (_, index) => item(index % 100, index % 7, "12.5000"));
  const began = performance.now();
  figuresOf(all, 20);
  figuresOf(all, 20);
  expect(performance.now() - began).toBeLessThan(1000);
});
