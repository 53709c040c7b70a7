import { describe, expect, it } from "vitest";
import { decimalText } from "../../api/decimal";
import { plainNumber, valueOf } from "./amounts";

describe("what items are worth", () => {
  it("is exact where floating point would round", () => {
    expect(valueOf({ quantity: 9_007_199_254_740_991, price: "0.0001" })).toBe(9_007_199_254_740_991n);
    expect(decimalText(valueOf({ quantity: 3, price: "0.1000" }) ?? 0n)).toBe("0.3000");
    expect(valueOf({ quantity: 3, price: null })).toBeNull();
  });
});

describe("a typed number", () => {
  it("may be grouped or full-width", () => {
    expect(plainNumber("1,200.5")).toBe("1200.5");
    expect(plainNumber("１２００")).toBe("1200");
    expect(plainNumber(" +3 ")).toBe("+3");
    expect(plainNumber("12.")).toBe("12");
  });

  it("is nothing if its meaning isn't certain", () => {
    for (const text of ["1,5", "12,34,567", "abc", "", "1.2.3", "1e3"]) expect(plainNumber(text)).toBeUndefined();
  });
});
