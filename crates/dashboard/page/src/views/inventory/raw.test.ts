import { describe, expect, it } from "vitest";
import { isRounded, members, written } from "./raw";

describe("numbers that JavaScript would round", () => {
  it("are recognized, wherever they are", () => {
    for (const text of ["12345678901234567890", "0.12345678901234567", '{"a":[1,{"b":9007199254740993}]}']) {
      expect(isRounded(JSON.parse(text))).toBe(true);
    }
    for (const value of [9_007_199_254_740_991, 0.1, 1e21, "12345678901234567890", null, { a: [1.5] }]) {
      expect(isRounded(value)).toBe(false);
    }
  });

  it("go back as they came when another attribute is edited", () => {
    const json = '{"serial": 12345678901234567890, "a\\"b:,{": {"x": [1, 2.50], "y": "}"}, "colour":"red","n":null}';
    const raw = members(json);
    expect([...raw]).toEqual([
      ["serial", "12345678901234567890"],
      ['a"b:,{', '{"x": [1, 2.50], "y": "}"}'],
      ["colour", '"red"'],
      ["n", "null"],
    ]);
    const edited = { ...(JSON.parse(json) as object), colour: "blue" };
    expect(written(edited, raw)).toBe(
      '{"serial":12345678901234567890,"a\\"b:,{":{"x": [1, 2.50], "y": "}"},"colour":"blue","n":null}',
    );
  });

  it("are found in empty objects, too: there are none", () => {
    expect(members("{}").size).toBe(0);
    expect(written({}, members("{ }"))).toBe("{}");
  });
});
