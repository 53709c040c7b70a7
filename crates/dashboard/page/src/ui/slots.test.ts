import { describe, expect, it } from "vitest";
import { Slots } from "./slots";

function keys(slots: Slots, ids: readonly number[]): Map<number | undefined, number> {
  return new Map(slots.assign(ids).map(({ key, at }) => [ids[at], key]));
}

describe("slots", () => {
  it("are kept by rows that stay, and taken over by those that come", () => {
    const slots = new Slots();
    const before = keys(slots, [1, 2, 3]);
    const after = keys(slots, [2, 3, 4]);
    expect(after.get(2)).toBe(before.get(2));
    expect(after.get(3)).toBe(before.get(3));
    expect(after.get(4)).toBe(before.get(1));
  });

  it("stand still in the document while rows pass", () => {
    const slots = new Slots();
    const before = slots.assign([1, 2, 3]).map(({ key }) => key);
    for (const ids of [
      [2, 3, 4],
      [7, 8, 9],
      [8, 3, 7],
    ]) {
      expect(slots.assign(ids).map(({ key }) => key)).toEqual(before);
    }
  });

  it("get into the order of the rows once they rest", () => {
    const slots = new Slots();
    slots.assign([1, 2, 3]);
    const turned = slots.assign([2, 3, 4]);
    expect(turned.map(({ at }) => at)).toEqual([2, 0, 1]);
    expect(slots.settle(turned)).toBe(true);
    const settled = slots.assign([2, 3, 4]);
    expect(settled.map(({ at }) => at)).toEqual([0, 1, 2]);
    expect(slots.settle(settled)).toBe(false);
  });

  it("grow with the rows", () => {
    const slots = new Slots();
    slots.assign([1]);
    expect(new Set(slots.assign([1, 2, 3]).map(({ key }) => key)).size).toBe(3);
    expect(slots.assign([5]).length).toBe(1);
  });
});
