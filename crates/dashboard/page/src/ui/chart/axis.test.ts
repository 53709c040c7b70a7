// What the axes of charts say.

import { expect, test } from "vitest";
import { numberLabels, timeLabels, widthOf } from "./axis";

const seconds = (text: string): number => new Date(text).getTime() / 1000;

test("hours name the day at the first mark and where a day begins", () => {
  const labels = timeLabels(
    [seconds("2026-03-01T18:00"), seconds("2026-03-02T00:00"), seconds("2026-03-02T06:00")],
    21_600,
  );
  expect(labels.map((label) => label.split("\n")[1])).toEqual(["Mar 1", "Mar 2", undefined]);
});

test("the farther the marks are apart, the less they say", () => {
  const at = [seconds("2026-03-01T00:00")];
  expect(timeLabels(at, 86_400)).toEqual(["Mar 1"]);
  expect(timeLabels(at, 30 * 86_400)).toEqual(["Mar 2026"]);
  expect(timeLabels(at, 366 * 86_400)).toEqual(["2026"]);
  expect(timeLabels(at, 5)[0]).toMatch(/:00:00/);
});

test("large numbers are short, but never the same for two marks", () => {
  expect(numberLabels([0, 500_000, 1_000_000], 500_000)).toEqual(["0", "500K", "1M"]);
  expect(numberLabels([1_000_000, 1_000_001], 1)).toEqual(["1,000,000", "1,000,001"]);
  expect(numberLabels([0, 0.25], 0.25)).toEqual(["0", "0.25"]);
});

test("an axis is as wide as its longest label", () => {
  expect(widthOf(["1,000,000"])).toBeGreaterThan(widthOf(["10"]));
  expect(widthOf(null)).toBe(33);
});
