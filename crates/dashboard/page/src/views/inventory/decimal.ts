// Prices and values, exactly: decimal texts as whole numbers of ten-thousandths.

const PLACES = 4;
const DECIMAL = /^(\d{1,15})(?:\.(\d{1,4}))?$/;

/** How many ten-thousandths a price is. */
export function units(price: string): bigint {
  const [, whole = "0", fraction = ""] = DECIMAL.exec(price) ?? [];
  return BigInt(whole + fraction.padEnd(PLACES, "0"));
}

/** Ten-thousandths as a decimal text with four places. */
export function decimal(units: bigint): string {
  const digits = (units < 0n ? -units : units).toString().padStart(PLACES + 1, "0");
  return `${units < 0n ? "-" : ""}${digits.slice(0, -PLACES)}.${digits.slice(-PLACES)}`;
}

/** What so many cost, in ten-thousandths. */
export function valueOf(item: { readonly quantity: number; readonly price: string | null }): bigint | null {
  return item.price === null ? null : BigInt(item.quantity) * units(item.price);
}

/** A typed number without what only helps to read it, or nothing if it isn't one: `１,２００.５` is 1200.5. */
export function plainNumber(text: string): string | undefined {
  const plain = text.normalize("NFKC").replace(/[\s']/g, "");
  if (/^[+-]?\d+(\.\d*)?$/.test(plain) || /^[+-]?\d{1,3}(,\d{3})+(\.\d*)?$/.test(plain)) {
    return plain.replaceAll(",", "").replace(/\.$/, "");
  }
  return undefined;
}
