// The API's decimals, such as prices, computed exactly: as whole ten thousandths, never as floating point.

const PLACES = 4;

/** A decimal text in ten thousandths: "12.5" is 125000. */
export function tenThousandths(text: string): bigint {
  const [whole = "0", part = ""] = text.split(".");
  return BigInt(whole + part.slice(0, PLACES).padEnd(PLACES, "0"));
}

/** Ten thousandths as the API writes decimals: 125000 is "12.5000". */
export function decimalText(amount: bigint): string {
  const digits = (amount < 0n ? -amount : amount).toString().padStart(PLACES + 1, "0");
  return `${amount < 0n ? "-" : ""}${digits.slice(0, -PLACES)}.${digits.slice(-PLACES)}`;
}
