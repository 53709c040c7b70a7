// Files as they come from people: encodings, delimiters, numbers, and the way there and back.

import { describe, expect, it } from "vitest";
import type { Item } from "../../../live/stock";
import { decode } from "./decode";
import { guess } from "./fields";
import { guard, unguard } from "./formula";
import { isAmbiguous, type NumberFormat, readPrice, readWhole } from "./numbers";
import { preparing, type Settings, wrongTargets } from "./prepare";
import { readTable, type Table, type Unreadable } from "./read";
import { columnsOf, toCsv } from "./write";

const prepare = (...asked: Parameters<typeof preparing>) => [...preparing(...asked)];

function table(read: Table | Unreadable): Table {
  if ("wrong" in read) throw new Error(`${read.wrong} at ${read.line}`);
  return read;
}

const PLAIN: Settings = {
  targets: [],
  numbers: "1234.56",
  empty: "keep",
  unguards: true,
  match: "sku",
  onMissing: "create",
  onPresent: "update",
  reason: "",
};

describe("decode", () => {
  const text = "sku,name\nA,螺栓";
  it("reads UTF-8 with a byte order mark and without", () => {
    const bytes = new TextEncoder().encode(text);
    expect(decode(bytes)).toEqual({ text, encoding: "utf-8" });
    expect(decode(new Uint8Array([0xef, 0xbb, 0xbf, ...bytes]))).toEqual({ text, encoding: "utf-8" });
  });

  it("reads UTF-16 by its mark, and others by choice", () => {
    const units = [...`\ufeff${text}`].flatMap((char) => [char.charCodeAt(0) & 255, char.charCodeAt(0) >> 8]);
    expect(decode(new Uint8Array(units))).toEqual({ text, encoding: "utf-16le" });
    const sjis = new Uint8Array([0x83, 0x7b, 0x83, 0x8b, 0x83, 0x67]);
    expect(decode(sjis)).toBe("not_utf8");
    expect(decode(sjis, "shift_jis")).toEqual({ text: "ボルト", encoding: "shift_jis" });
    expect(decode(new Uint8Array([0xc2, 0xdd, 0xcb, 0xa8]), "gb18030")).toEqual({ text: "螺栓", encoding: "gb18030" });
  });

  it("says what is no text", () => {
    expect(decode(new Uint8Array())).toBe("empty");
    expect(decode(new TextEncoder().encode("PK\u0003\u0004"))).toBe("workbook");
    expect(decode(new Uint8Array([65, 0, 66]))).toBe("binary");
  });
});

describe("readTable", () => {
  it("guesses the delimiter and knows the line of each row", async () => {
    const read = table(await readTable('sku;name\r\nA;"two\nlines"\r\n\r\nB;b\r\n'));
    expect(read.delimiter).toBe(";");
    expect(read.headers).toEqual(["sku", "name"]);
    expect(read.rows).toEqual([
      { line: 2, cells: ["A", "two\nlines"] },
      { line: 5, cells: ["B", "b"] },
    ]);
  });

  it("reads a large file in pieces as it would in one", async () => {
    const rows = Array.from({ length: 30_000 }, (_, place) => `S-${place},"name, ""${place}""",${place}`);
    const read = table(await readTable(["sku,name,quantity", ...rows, ""].join("\n")));
    expect(read.rows.length).toBe(30_000);
    expect(read.rows[29_999]).toEqual({ line: 30_001, cells: ["S-29999", 'name, "29999"', "29999"] });
  });

  it("says where a quote is left open, and that nothing is in it", async () => {
    expect(await readTable("<!doctype html>\n<p>\n")).toEqual({ wrong: "not_csv", line: 1 });
    expect(await readTable('sku,name\nA,a\nB,"b\nC,c\n')).toEqual({ wrong: "open_quote", line: 3 });
    expect(await readTable("sku,name\n")).toEqual({ wrong: "no_rows", line: 0 });
    const many = `sku,name\n${"A,a\n".repeat(100_001)}`;
    expect(await readTable(many)).toMatchObject({ wrong: "too_many_rows" });
  });
});

describe("guess", () => {
  it("knows headers in three languages", () => {
    expect(guess(["Article No.", "Product name", "Qty", "Unit price", "Reorder-Point", "Colour"])).toEqual([
      "sku",
      "name",
      "quantity",
      "price",
      "reorder_point",
      "ignore",
    ]);
    expect(guess(["货号", "名称", "库存数量", "单位", "补货点"])).toEqual([
      "sku",
      "name",
      "quantity",
      "unit",
      "reorder_point",
    ]);
    expect(guess(["品番", "商品名", "在庫数", "単価", "発注点"])).toEqual([
      "sku",
      "name",
      "quantity",
      "price",
      "reorder_point",
    ]);
  });

  it("takes attributes by their prefix, and nothing twice", () => {
    expect(guess(["attributes.colour", "attributes.size (JSON)", "sku", "SKU"])).toEqual([
      "text:colour",
      "json:size",
      "sku",
      "ignore",
    ]);
  });
});

describe("numbers", () => {
  it.each<[string, NumberFormat, number | undefined]>([
    ["1,234", "1,234.56", 1234],
    ["1,234", "1234,56", undefined],
    ["1.234", "1.234,56", 1234],
    ["1.234", "1234.56", undefined],
    ["1\u202f234", "1 234,56", 1234],
    ["12.00", "1234.56", 12],
    ["１２", "1234.56", 12],
    ["12,34", "1,234.56", undefined],
    ["-3", "1234.56", undefined],
    ["9007199254740993", "1234.56", undefined],
    ["", "1234.56", undefined],
  ])("reads %s as %s", (cell, format, number) => {
    expect(readWhole(cell, format)).toBe(number);
  });

  it("keeps prices exact", () => {
    expect(readPrice("999.999.999.999.999,9999", "1.234,56")).toBe("999999999999999.9999");
    expect(readPrice("12,50", "1234,56")).toBe("12.5");
    expect(readPrice("0.12345", "1234.56")).toBeUndefined();
    expect(readPrice("12 €", "1234.56")).toBeUndefined();
  });

  it("asks where one could read it in two ways", () => {
    expect(["1,234", "12.50", "1 000", "1'000"].every(isAmbiguous)).toBe(true);
    expect(["12", " 12 ", "", "n/a"].some(isAmbiguous)).toBe(false);
  });
});

describe("prepare", () => {
  const rows = (...cells: string[][]) => cells.map((cells, place) => ({ line: place + 2, cells }));

  it("says which cell is wrong, and which row is there twice", () => {
    const settings: Settings = { ...PLAIN, targets: ["sku", "quantity", "json:size"] };
    const prepared = prepare(
      rows(["A", "x", "{"], ["B", "1", "3"], ["B", "2", ""], ["", "1", ""], ["C", "1", "", "?"]),
      settings,
    );
    expect(prepared.map(({ faults }) => faults)).toEqual([
      [
        { column: 1, code: "whole", value: "x" },
        { column: 2, code: "json", value: "{" },
      ],
      [],
      [{ column: 0, code: "twice", value: "3" }],
      [{ column: 0, code: "no_key", value: "" }],
      [{ column: undefined, code: "cells", value: "?" }],
    ]);
    expect(prepared[1]?.attributes).toEqual(new Map([["size", 3]]));
  });

  it("leaves empty cells out, or clears what may be cleared", () => {
    const targets = ["sku", "name", "price", "text:colour"] as const;
    const cells = rows(["A", "", "", ""]);
    expect(prepare(cells, { ...PLAIN, targets })[0]).toMatchObject({ fields: { sku: "A" }, attributes: new Map() });
    const [cleared] = prepare(cells, { ...PLAIN, targets, empty: "clear" });
    expect(cleared?.fields).toEqual({ sku: "A", price: null });
    expect(cleared?.attributes).toEqual(new Map([["colour", undefined]]));
  });

  it("needs the column that items are found by, and each one once", () => {
    expect(wrongTargets({ ...PLAIN, targets: ["name"] })).toBe("no_sku");
    expect(wrongTargets({ ...PLAIN, targets: ["name"], match: "id" })).toBe("no_id");
    expect(wrongTargets({ ...PLAIN, targets: ["sku", "text:a", "json:a"] })).toBe("twice");
    expect(wrongTargets({ ...PLAIN, targets: ["sku", "ignore"] })).toBe("nothing");
    expect(wrongTargets({ ...PLAIN, targets: ["sku", "name"] })).toBeUndefined();
  });
});

describe("export and import", () => {
  const item = (id: number, rest: Partial<Item>): Item => ({
    id,
    sku: `S-${id}`,
    name: "Bolt",
    description: null,
    quantity: 0,
    unit: "each",
    price: null,
    reorder_point: null,
    attributes: {},
    version: 1,
    created_at: "2026-11-22T08:00:00Z",
    updated_at: "2026-11-22T08:00:00Z",
    ...rest,
  });
  const attributes = { colour: "red", size: 42, code: "007", empty: "", list: [1, "a"], none: null, on: true };
  const ITEMS: readonly Item[] = [
    item(1, { name: '=HYPERLINK("http://x")', sku: "-1+1", price: "12.5000", quantity: 9_007_199_254_740_991 }),
    item(2, { name: "'=already", description: ' a "quoted",\r\nsecond line ', unit: "@m", reorder_point: 3 }),
    item(3, {
      name: "ボルト; M8\t",
      description: "\tindented",
      attributes: attributes,
    }),
    item(4, { name: "''+x", attributes: { colour: "=1", size: "42" } }),
  ];

  it.each([true, false])("changes nothing on the way there and back (guarded: %s)", async (guards) => {
    const columns = columnsOf(ITEMS).filter((column) => !["version", "created_at", "updated_at"].includes(column));
    const csv = toCsv(ITEMS, columns, { bom: true, guards });
    const decoded = decode(new TextEncoder().encode(csv));
    if (typeof decoded === "string") throw new Error(decoded);
    const read = table(await readTable(decoded.text));
    const prepared = prepare(read.rows, { ...PLAIN, targets: guess(read.headers), unguards: guards, empty: "clear" });
    for (const [place, original] of ITEMS.entries()) {
      const { fields, attributes, faults } = prepared[place] ?? prepare([], PLAIN)[0] ?? { fields: {}, faults: [] };
      expect(faults).toEqual([]);
      const { version, created_at, updated_at, attributes: before, ...rest } = original;
      expect([version, created_at, updated_at]).toHaveLength(3);
      const price = rest.price === null ? null : "12.5";
      // The service takes spaces around names off, and so does the import.
      expect(fields).toEqual({ ...rest, name: rest.name.trim(), price });
      const said = [...(attributes ?? [])].filter(([, value]) => value !== undefined);
      expect(Object.fromEntries(said)).toEqual(before);
    }
  });

  it("leaves no text that a spreadsheet would run", async () => {
    const read = table(await readTable(toCsv(ITEMS, ["sku", "name", "unit"], { bom: false, guards: true })));
    for (const cell of read.rows.flatMap(({ cells }) => cells)) expect(cell).not.toMatch(/^[=+\-@\t\r]/);
    expect(["=1", "'=1", "''=1", "it's", "'quoted'"].map((text) => unguard(guard(text)))).toEqual([
      "=1",
      "'=1",
      "''=1",
      "it's",
      "'quoted'",
    ]);
  });
});
