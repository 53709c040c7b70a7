import { describe, expect, it } from "vitest";
import { begin, keepMine, observe } from "./drafts";
import { anItem } from "./samples";

describe("an edit of a cell", () => {
  const base = anItem({ name: "Bolt", quantity: 5, version: 3 });
  const draft = begin(base, "name", "Screw");

  it("goes on with the newest version if others changed other fields", () => {
    const now = { ...base, quantity: 9, version: 4 };
    expect(observe(draft, now, "user:2")).toEqual({ ...draft, base: now });
  });

  it("stops at a change of the same field, until one of both is chosen", () => {
    const now = { ...base, name: "Nut", version: 4 };
    const seen = observe(draft, now, "user:2");
    expect(seen.theirs).toEqual({ item: now, actor: "user:2" });
    expect(seen.base).toBe(base);
    const mine = keepMine(seen);
    expect(mine.theirs).toBeUndefined();
    expect(mine.base).toBe(now);
  });

  it("is no conflict if both want the same, or if the other one took it back", () => {
    const same = { ...base, name: "Screw", version: 4 };
    expect(observe(draft, same, "user:2").theirs).toBeUndefined();
    const there = observe(draft, { ...base, name: "Nut", version: 4 }, "user:2");
    expect(observe(there, { ...base, version: 5 }, "user:2").theirs).toBeUndefined();
  });

  it("learns later who it was, and isn't misled by what is older", () => {
    const now = { ...base, name: "Nut", version: 4 };
    const unknown = observe(draft, now, undefined);
    expect(observe(unknown, now, "user:2").theirs?.actor).toBe("user:2");
    expect(observe(observe(unknown, now, "user:2"), now, undefined).theirs?.actor).toBe("user:2");
    expect(observe(draft, { ...base, name: "old", version: 2 }, "user:2")).toBe(draft);
  });

  it("knows when the item is gone", () => {
    expect(observe(draft, undefined, "user:2").gone).toBe(true);
  });
});
