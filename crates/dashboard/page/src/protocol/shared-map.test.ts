import { describe, expect, it } from "vitest";
import { SharedMap } from "./shared-map";

const map = (...entries: readonly (readonly [number, string])[]): SharedMap<string> =>
  SharedMap.empty<string>().with(entries);

describe("what has changed since another map", () => {
  it("is what was put, replaced and taken out, and nothing else", () => {
    const before = map([1, "a"], [2, "b"], [300, "c"], [900, "d"]);
    const after = before.with([
      [2, "B"],
      [3, "new"],
      [900, undefined],
    ]);
    expect([...after.since(before)]).toEqual([
      [2, "B"],
      [3, "new"],
      [900, undefined],
    ]);
  });

  it("is nothing between a map and itself, and everything since the empty one", () => {
    const whole = map([1, "a"], [700, "b"]);
    expect([...whole.since(whole)]).toEqual([]);
    expect([...whole.since(SharedMap.empty())]).toEqual([
      [1, "a"],
      [700, "b"],
    ]);
    expect([...SharedMap.empty<string>().since(whole)]).toEqual([
      [1, undefined],
      [700, undefined],
    ]);
  });
});

it("keeps nothing of what was taken out", () => {
  let map = SharedMap.empty<string>();
  for (let id = 1; id < 10_000; id++) map = map.with([[id, "here"]]).with([[id, undefined]]);
  expect(map.size).toBe(0);
  expect([...map.since(SharedMap.empty())]).toEqual([]);
  expect((map as unknown as { chunks: ReadonlyMap<number, unknown> }).chunks.size).toBe(0);
});
