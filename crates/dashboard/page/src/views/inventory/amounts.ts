// What items are worth, and numbers as people type them.

import { tenThousandths } from "../../api/decimal";

/** What so many cost, in ten-thousandths. */
export function valueOf(item: { readonly quantity: number; readonly price: string | null }): bigint | null {
  return item.price === null ? null : BigInt(item.quantity) * tenThousandths(item.price);
}

/** A typed number without what only helps to read it, or nothing if it isn't one: `１,２００.５` is 1200.5. */
export function plainNumber(text: string): string | undefined {
  const plain = text.normalize("NFKC").replace(/[\s']/g, "");
  if (/^[+-]?\d+(\.\d*)?$/.test(plain) || /^[+-]?\d{1,3}(,\d{3})+(\.\d*)?$/.test(plain)) {
    return plain.replaceAll(",", "").replace(/\.$/, "");
  }
  return undefined;
}
