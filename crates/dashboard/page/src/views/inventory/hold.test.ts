import { expect, it } from "vitest";
import { holds, REST } from "./hold";

it("rows stay while somebody is at work in them", () => {
  expect(holds({ editing: false, there: true, touchedAt: 1000 }, 1000 + REST - 1)).toBe(true);
  expect(holds({ editing: false, there: true, touchedAt: 1000 }, 1000 + REST)).toBe(false);
  expect(holds({ editing: false, there: false, touchedAt: 1000 }, 1001)).toBe(false);
});

it("an edit holds them however long it takes", () => {
  expect(holds({ editing: true, there: false, touchedAt: 0 }, 1_000_000)).toBe(true);
});
