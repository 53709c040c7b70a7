// Numbers as files have them. How they are written is chosen by whoever imports: 1,234 is one thing or another.

export const NUMBER_FORMATS = ["1234.56", "1,234.56", "1234,56", "1.234,56", "1 234,56", "1'234.56"] as const;
export type NumberFormat = (typeof NUMBER_FORMATS)[number];

const MARKS: Record<NumberFormat, { readonly point: string; readonly groups: string }> = {
  "1234.56": { point: ".", groups: "" },
  "1,234.56": { point: ".", groups: "," },
  "1234,56": { point: ",", groups: "" },
  "1.234,56": { point: ",", groups: "." },
  "1 234,56": { point: ",", groups: " " },
  "1'234.56": { point: ".", groups: "'" },
};

/** Full-width digits become plain ones, any space and any apostrophe the plain one. */
function tidy(cell: string): string {
  return cell
    .normalize("NFKC")
    .trim()
    .replace(/[\s\u00a0\u2009\u202f]/g, " ")
    .replace(/[\u2019\u02bc]/g, "'");
}

/** Whether what it means depends on how numbers are written. */
export function isAmbiguous(cell: string): boolean {
  // Nearly all cells are plain, and there may be many.
  return !/^\d*$/.test(cell) && /\d[.,' ]\d/.test(tidy(cell));
}

export interface Decimal {
  readonly whole: string;
  /** Without zeros at the end. */
  readonly places: string;
}

/** The digits of a number that isn't negative; nothing if it isn't written like that. */
export function readDecimal(cell: string, format: NumberFormat): Decimal | undefined {
  const { point, groups } = MARKS[format];
  const text = tidy(cell).replace(/^\+/, "");
  const [before = "", after, ...more] = text.split(point);
  if (more.length > 0 || !/^\d+$/.test(after ?? "0")) return undefined;
  const grouped = groups === "" ? [before] : before.split(groups);
  const [first = "", ...rest] = grouped;
  if (!/^\d+$/.test(first) || rest.some((part) => !/^\d{3}$/.test(part))) return undefined;
  if (rest.length > 0 && first.length > 3) return undefined;
  return { whole: grouped.join("").replace(/^0+(?=\d)/, ""), places: (after ?? "").replace(/0+$/, "") };
}

/** A whole number that is exact; nothing otherwise. `12.00` is one. */
export function readWhole(cell: string, format: NumberFormat): number | undefined {
  const decimal = readDecimal(cell, format);
  if (decimal?.places !== "") return undefined;
  const number = Number(decimal.whole);
  return Number.isSafeInteger(number) ? number : undefined;
}

/** A price as the API takes it, never by way of floating point. */
export function readPrice(cell: string, format: NumberFormat): string | undefined {
  const decimal = readDecimal(cell, format);
  if (decimal === undefined || decimal.places.length > 4) return undefined;
  return decimal.places === "" ? decimal.whole : `${decimal.whole}.${decimal.places}`;
}
