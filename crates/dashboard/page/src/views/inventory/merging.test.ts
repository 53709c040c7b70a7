import { describe, expect, it } from "vitest";
import { draftOf, type Field, read, type Value } from "./fields";
import { changedFields, conflicts, patchOf } from "./merging";
import { anItem } from "./samples";

const wishes = (entries: Record<string, Value>): ReadonlyMap<Field, Value> =>
  new Map(Object.entries(entries) as [Field, Value][]);

describe("two editors of one item", () => {
  const base = anItem({ name: "Bolt", quantity: 5, attributes: { colour: "red", size: 4 } });
  const bases = wishes({ name: "Bolt", quantity: 5, "attributes.colour": "red", "attributes.size": 4 });

  it("conflict only where both changed the same field to something else", () => {
    const now = anItem({ ...base, version: 2, name: "Bolt M4", quantity: 5, attributes: { colour: "blue", size: 4 } });
    expect(conflicts(bases, now, wishes({ quantity: 7, "attributes.size": 5 }))).toEqual([]);
    expect(conflicts(bases, now, wishes({ name: "Bolt M4" }))).toEqual([]);
    expect(conflicts(bases, now, wishes({ name: "Screw", "attributes.colour": "green" }))).toEqual([
      { field: "name", mine: "Screw", theirs: "Bolt M4" },
      { field: "attributes.colour", mine: "green", theirs: "blue" },
    ]);
  });

  it("keep one another's attributes", () => {
    const now = anItem({ ...base, attributes: { colour: "blue", size: 4, shelf: "A1" } });
    expect(patchOf(now, wishes({ "attributes.size": 5, "attributes.shelf": null, name: "Bolt" }))).toEqual({
      attributes: { colour: "blue", size: 5 },
    });
    expect(patchOf(now, wishes({ "attributes.colour": "blue", quantity: 5 }))).toEqual({});
    const odd = patchOf(now, wishes({ "attributes.__proto__": "x" }));
    expect(Object.keys(odd.attributes ?? {})).toContain("__proto__");
  });
});

describe("what a change changed", () => {
  it("is told by field and by attribute", () => {
    const now = anItem({ name: "Bolt", quantity: 3, attributes: { colour: "red", size: 5 } });
    const previous = { quantity: 5, attributes: { colour: "red", old: true }, version: 1, updated_at: "" };
    expect(changedFields(previous, now)).toEqual(["quantity", "attributes.old", "attributes.size"]);
  });
});

describe("a typed text", () => {
  const typed = (field: Field, text: string, before: Value = null): unknown => {
    const outcome = read(field, text, before);
    return outcome.kind === "value" ? outcome.value : outcome.kind === "adjustment" ? [outcome.by] : outcome.mistake;
  };

  it("becomes a value of its field", () => {
    expect(typed("quantity", "1,200")).toBe(1200);
    expect(typed("quantity", "+5")).toEqual([5]);
    expect(typed("quantity", "-3")).toEqual([-3]);
    expect(typed("price", "012.5")).toBe("12.5000");
    expect(typed("price", "")).toBeNull();
    expect(typed("sku", "  ")).toBeNull();
    expect(typed("attributes.size", "7", 4)).toBe(7);
    expect(typed("attributes.size", "seven", 4)).toBe("seven");
    expect(typed("attributes.code", "007", "006")).toBe("007");
    expect(typed("attributes.tags", '["a"]', [])).toEqual(["a"]);
    expect(draftOf("price", "12.5000")).toBe("12.5");
    expect(draftOf("price", "100.0000")).toBe("100");
  });

  it("is refused where it can't be one", () => {
    expect(typed("name", " ")).toBe("needs_name");
    for (const text of ["", "1.5", "a", "9007199254740993", "+0"]) expect(typed("quantity", text)).toBe("needs_whole");
    for (const text of ["-1", "1.23456", "1,5"]) expect(typed("price", text)).toBe("needs_price");
    expect(typed("attributes.tags", "[", [])).toBe("needs_json");
  });
});
