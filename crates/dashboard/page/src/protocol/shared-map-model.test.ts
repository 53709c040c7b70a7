import { describe, expect, it } from "vitest";
import { Random } from "../testing/random";
import { SharedMap } from "./shared-map";

describe("SharedMap", () => {
  it("holds what a map holds that is changed in the same way, and never changes itself", () => {
    for (let seed = 1; seed <= 50; seed++) {
      const random = new Random(seed);
      const model = new Map<number, string>();
      let map = SharedMap.empty<string>();
      for (let round = 0; round < 30; round++) {
        const before = [...map.values()].sort();
        const changes = Array.from({ length: random.whole(0, 20) }, (_, place) => {
          // Also ids that no 32-bit number holds.
          const id = random.chance(0.2) ? random.whole(1, 20) * 2 ** 33 : random.whole(1, 600);
          return [id, random.chance(0.4) ? undefined : `${id}:${round}:${place}`] as const;
        });
        const after = map.with(changes);
        expect([...map.values()].sort()).toEqual(before);
        for (const [id, value] of changes) {
          if (value === undefined) model.delete(id);
          else model.set(id, value);
        }
        map = after;
        expect(map.size).toBe(model.size);
        expect([...map.values()].sort()).toEqual([...model.values()].sort());
        for (const [id] of changes) expect(map.get(id)).toBe(model.get(id));
      }
    }
  });

  it("shares what hasn't changed", () => {
    const documents = Array.from({ length: 5000 }, (_, id) => [id, { id }] as const);
    const before = SharedMap.empty<{ id: number }>().with(documents);
    const after = before.with([[7, { id: 7 }]]);
    expect(after.get(4000)).toBe(before.get(4000));
    expect(after.get(7)).not.toBe(before.get(7));
    expect(before.get(5000)).toBeUndefined();
  });
});
