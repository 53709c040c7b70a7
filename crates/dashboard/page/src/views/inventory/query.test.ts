import { describe, expect, it } from "vitest";
import { EVERYTHING, isFiltered, matcher, type Query, readQuery, writeQuery } from "./query";
import { anItem } from "./samples";

const asking = (query: Partial<Query>): Query => ({ ...EVERYTHING, ...query });

describe("the address", () => {
  it("says everything that was chosen, and is read back", () => {
    const query = asking({
      search: "red bolt",
      levels: ["low", "no_price"],
      changed: "24h",
      attributes: [
        { name: "col:our\\", value: "a:b" },
        { name: "尺寸", value: "大" },
      ],
      sort: { column: "attributes.shelf", descending: true },
    });
    expect(readQuery(writeQuery(query))).toEqual(query);
    expect(writeQuery(EVERYTHING)).toBe("");
  });

  it("may hold nonsense", () => {
    expect(readQuery("show=all&changed=toString&attribute=x&sort=-secret")).toEqual(EVERYTHING);
  });
});

describe("what matches", () => {
  const now = Date.parse("2026-11-22T12:00:00Z");
  const matches = (query: Partial<Query>, item: Parameters<typeof anItem>[0]): boolean =>
    matcher(asking(query), now)(anItem(item));

  it("has all words somewhere in its texts, whatever their case, accents and width", () => {
    const item = { name: "Schraube Größe ４", sku: "AB-1", description: "Café", attributes: { colour: "Red" } };
    expect(matches({ search: "cafe RED größe 4 ab-1" }, item)).toBe(true);
    expect(matches({ search: "schraube blue" }, item)).toBe(false);
    expect(matches({ search: "か" }, { name: "かぎ" })).toBe(true);
    expect(matches({ search: "か" }, { name: "がぎ" })).toBe(false);
  });

  it("has the level of stock that is asked for", () => {
    expect(matches({ levels: ["low"] }, { quantity: 3, reorder_point: 3 })).toBe(true);
    expect(matches({ levels: ["low"] }, { quantity: 0 })).toBe(false);
    expect(matches({ levels: ["out"] }, { quantity: 0 })).toBe(true);
    expect(matches({ levels: ["out", "no_price"] }, { quantity: 0, price: "1.0000" })).toBe(false);
  });

  it("was changed lately enough and has the attributes", () => {
    expect(matches({ changed: "1h" }, { updated_at: "2026-11-22T11:30:00Z" })).toBe(true);
    expect(matches({ changed: "15m" }, { updated_at: "2026-11-22T11:30:00Z" })).toBe(false);
    expect(matches({ attributes: [{ name: "size", value: "4" }] }, { attributes: { size: 4 } })).toBe(true);
    expect(matches({ attributes: [{ name: "toString", value: "" }] }, { attributes: {} })).toBe(true);
    expect(isFiltered(EVERYTHING)).toBe(false);
    expect(isFiltered(asking({ changed: "1h" }))).toBe(true);
  });
});
