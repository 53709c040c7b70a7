// When keys end.

import { expect, it } from "vitest";
import { endOf } from "./key-end";

const NOW = Date.parse("2026-11-22T12:00:00Z");

it("ends never, after days, or at a time to come", () => {
  expect(endOf("never", "", NOW)).toBeNull();
  expect(endOf("days_30", "", NOW)).toBe("2026-12-22T12:00:00.000Z");
  expect(endOf("date", "2026-12-01T00:00:00Z", NOW)).toBe("2026-12-01T00:00:00.000Z");
});

it("doesn't end in the past, or at no time at all", () => {
  expect(endOf("date", "2026-11-01T00:00:00Z", NOW)).toBeUndefined();
  expect(endOf("date", "", NOW)).toBeUndefined();
});
