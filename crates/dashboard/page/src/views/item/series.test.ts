// How a value of an item went.

import { expect, test } from "vitest";
import { append, drawn, type Series, windowOf } from "./series";

const at = (second: number): string => new Date(second * 1000).toISOString();

function series(points: [number, number | string | null][], before: number | string | null = null): Series {
  return {
    measure: "quantity",
    since: at(100),
    until: at(200),
    before,
    points: points.map(([second, value]) => ({
      at: at(second),
      first: value,
      low: value,
      high: value,
      last: value,
      changes: 1,
    })),
    complete: true,
    as_of: { epoch: "e", position: 1 },
  };
}

test("the line begins with the value before, and goes on to the end", () => {
  const made = drawn(series([[150, 7]], 3), 200_000);
  expect(made.xs).toEqual([100, 150, 200]);
  expect(made.last).toEqual([3, 7, 7]);
  expect(made.points.map((point) => point?.last)).toEqual([undefined, 7, undefined]);
});

test("before the item was there, and while it is deleted, there is no line", () => {
  const made = drawn(
    series([
      [120, 5],
      [150, null],
      [180, 2],
    ]),
    200_000,
  );
  expect(made.xs).toEqual([120, 149.999, 150, 180, 200]);
  expect(made.last).toEqual([5, 5, null, 2, 2]);
});

test("changes within the same millisecond stay apart, in their order", () => {
  const made = drawn(
    series(
      [
        [150, 1],
        [150, 2],
      ],
      0,
    ),
    150_000,
  );
  expect(made.last).toEqual([0, 1, 2]);
  expect(new Set(made.xs).size).toBe(3);
  expect([...made.xs].sort((one, other) => one - other)).toEqual(made.xs);
});

test("a live change makes a point, unless the value is what it was", () => {
  const before = series([[150, 7]]);
  expect(append(before, at(160), 7, 0)).toBe(before);
  expect(append(before, at(160), 9, 0).points).toHaveLength(2);
  expect(append(series([], 7), at(160), 7, 0).points).toHaveLength(0);
});

test("many live changes share a point, which knows the least and the greatest of them", () => {
  let prices = series([[150, "9.5000"]]);
  for (const [second, price] of [
    [151, "10.0000"],
    [152, "2.0000"],
    [153, "3.0000"],
  ] as const) {
    prices = append(prices, at(second), price, 10_000);
  }
  expect(prices.points).toEqual([
    { at: at(150), first: "9.5000", low: "2.0000", high: "10.0000", last: "3.0000", changes: 4 },
  ]);
  expect(append(prices, at(160), "4.0000", 10_000).points).toHaveLength(2);
});

test("a window is never in the future, and not shorter than a second", () => {
  expect(windowOf(10_000, 30_000, 25_000)).toEqual({ kind: "window", from: 5000, to: 25_000 });
  expect(windowOf(10_000, 10_100, 25_000)).toEqual({ kind: "window", from: 9550, to: 10_550 });
});
