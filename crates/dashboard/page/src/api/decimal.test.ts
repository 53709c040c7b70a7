// Decimals stay exact at any size.

import { expect, test } from "vitest";
import { decimalText, tenThousandths } from "./decimal";

test("a decimal is read with up to four places", () => {
  expect(tenThousandths("12.5")).toBe(125_000n);
  expect(tenThousandths("12")).toBe(120_000n);
  expect(tenThousandths("0.0001")).toBe(1n);
  expect(tenThousandths("999999999999999.9999")).toBe(9_999_999_999_999_999_999n);
});

test("what floating point would round is written exactly", () => {
  const most = tenThousandths("999999999999999.9999") * BigInt(Number.MAX_SAFE_INTEGER);
  expect(decimalText(most)).toBe("9007199254740990999099280074525.9009");
});

test("small and negative amounts keep their places", () => {
  expect(decimalText(1n)).toBe("0.0001");
  expect(decimalText(-5n)).toBe("-0.0005");
  expect(decimalText(0n)).toBe("0.0000");
  expect(decimalText(-125_000n)).toBe("-12.5000");
});
