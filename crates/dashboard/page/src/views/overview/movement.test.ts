// What was received and issued day by day, with live changes.

import { expect, test } from "vitest";
import type { Item } from "../../live/stock";
import type { ChangeFrame } from "../../protocol/frames";
import { dateOf, movedBy, type Movement, withMoved } from "./movement";

const AT = new Date(2026, 10, 22, 12).toISOString();

function change(
  over: Partial<ChangeFrame<Item>>,
  quantity: number | null,
  price: string | null = "2.0000",
): ChangeFrame<Item> {
  return {
    type: "update",
    topic: "items",
    resource: "item",
    id: 7,
    position: 11,
    prev: 10,
    version: 2,
    at: AT,
    actor: "user:1",
    reason: null,
    data: quantity === null ? null : ({ id: 7, version: 2, quantity, price } as Item),
    previous: null,
    ...over,
  };
}

const ANSWER: Movement = {
  time_zone: "Europe/Berlin",
  days: ["2026-11-21", "2026-11-22"].map((date) => ({
    date,
    received: 10,
    issued: 5,
    received_value: "20.0000",
    issued_value: "10.0000",
    changes: 2,
  })),
  busiest: [
    { item_id: 3, sku: null, name: "three", changes: 4, received: 1, issued: 1 },
    { item_id: 7, sku: null, name: "seven", changes: 4, received: 0, issued: 0 },
  ],
  complete: true,
  as_of: { epoch: "e", position: 10 },
};

test("what a quantity grows by is received, what it shrinks by is issued", () => {
  expect(movedBy(change({ previous: { quantity: 5 } }, 8))).toMatchObject({ received: 3, issued: 0, value: 60_000n });
  expect(movedBy(change({ previous: { quantity: 5 } }, 1))).toMatchObject({ received: 0, issued: 4, value: 80_000n });
});

test("another change moves nothing, and without a price nothing is worth anything", () => {
  expect(movedBy(change({ previous: { name: "old" } }, 8))).toMatchObject({ received: 0, issued: 0, value: 0n });
  expect(movedBy(change({ previous: { quantity: 5 } }, 8, null))).toMatchObject({ received: 3, value: 0n });
});

test("a new item is received, a deleted one issued", () => {
  expect(movedBy(change({ type: "create" }, 8))).toMatchObject({ received: 8, issued: 0 });
  const gone = movedBy(change({ type: "delete", previous: { quantity: 5, price: "1.5000" } }, null));
  expect(gone).toMatchObject({ received: 0, issued: 5, value: 75_000n });
});

test("changes behind the answer are added, those within it aren't", () => {
  const moved = [change({ position: 10, previous: { quantity: 0 } }, 8), change({ previous: { quantity: 5 } }, 8)].map(
    movedBy,
  );
  const made = withMoved(ANSWER, moved, "2026-11-22");
  expect(made.days[0]).toEqual(ANSWER.days[0]);
  expect(made.days[1]).toEqual({
    date: "2026-11-22",
    received: 13,
    issued: 5,
    received_value: "26.0000",
    issued_value: "10.0000",
    changes: 3,
  });
  expect(made.busiest.map((item) => [item.item_id, item.changes])).toEqual([
    [7, 5],
    [3, 4],
  ]);
});

test("a day that has begun since takes the place of the oldest one", () => {
  const next = { ...movedBy(change({ previous: { quantity: 5 } }, 8)), date: "2026-11-23" };
  const made = withMoved(ANSWER, [next], "2026-11-23");
  expect(made.days.map((day) => [day.date, day.received])).toEqual([
    ["2026-11-22", 10],
    ["2026-11-23", 3],
  ]);
});

test("days are those of the browser's clock", () => {
  expect(dateOf(new Date(2026, 0, 5, 23, 59))).toBe("2026-01-05");
});
