// How many changes there are a minute.

import { expect, test } from "vitest";
import { Pace } from "./pace";

test("the changes of the last minute count, older ones don't", () => {
  const pace = new Pace();
  for (let second = 0; second < 100; second += 1) pace.add(second * 1000 + 500, 2);
  expect(pace.perMinute(99_900)).toBe(120);
  expect(pace.perMinute(130_000)).toBe(58);
  expect(pace.perMinute(300_000)).toBe(0);
});
