import { describe, expect, it } from "vitest";
import { decimal, plainNumber, units, valueOf } from "./decimal";

describe("decimal texts", () => {
  it("become ten-thousandths and back without loss", () => {
    for (const text of ["0.0000", "0.0001", "12.5000", "999999999999999.9999"]) expect(decimal(units(text))).toBe(text);
    expect(units("12.5")).toBe(125_000n);
    expect(units("7")).toBe(70_000n);
    expect(decimal(-5n)).toBe("-0.0005");
  });

  it("are multiplied exactly where floating point would round", () => {
    expect(valueOf({ quantity: 9_007_199_254_740_991, price: "0.0001" })).toBe(9_007_199_254_740_991n);
    expect(decimal(valueOf({ quantity: 3, price: "0.1000" }) ?? 0n)).toBe("0.3000");
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
