// Numbers, prices and times as the reader's language writes them. Prices are texts with up to 4 places and no currency, and
// stay exact: they are never turned into floating point to be shown.

import { language } from ".";

const cached = new Map<string, Intl.NumberFormat | Intl.DateTimeFormat | Intl.RelativeTimeFormat | Intl.Collator>();

function cachedBy<T extends Intl.NumberFormat | Intl.DateTimeFormat | Intl.RelativeTimeFormat | Intl.Collator>(
  name: string,
  make: (language: string) => T,
): T {
  const key = `${language.value} ${name}`;
  let found = cached.get(key);
  if (found === undefined) {
    found = make(language.value);
    cached.set(key, found);
  }
  return found as T;
}

/** A whole number, such as a quantity. */
export function whole(value: number): string {
  return cachedBy("whole", (tag) => new Intl.NumberFormat(tag, { maximumFractionDigits: 0 })).format(value);
}

/** A whole number with its sign: what a change added or took. */
export function signed(value: number): string {
  const options = { maximumFractionDigits: 0, signDisplay: "exceptZero" } as const;
  return cachedBy("signed", (tag) => new Intl.NumberFormat(tag, options)).format(value);
}

/** A large number in few characters, for axes and tiles. */
export function compact(value: number): string {
  const options = { notation: "compact", maximumFractionDigits: 1 } as const;
  return cachedBy("compact", (tag) => new Intl.NumberFormat(tag, options)).format(value);
}

/** A price such as "12.5000", with at least two places and no needless ones. */
export function price(value: string): string {
  const options = { minimumFractionDigits: 2, maximumFractionDigits: 4 };
  // Formats decimal texts exactly; the type of older libraries only knows numbers.
  return cachedBy("price", (tag) => new Intl.NumberFormat(tag, options)).format(value as unknown as number);
}

/** A share of 1. */
export function percent(value: number): string {
  return cachedBy(
    "percent",
    (tag) => new Intl.NumberFormat(tag, { style: "percent", maximumFractionDigits: 1 }),
  ).format(value);
}

/** A day and a time. */
export function moment(at: string | number): string {
  const options = { dateStyle: "medium", timeStyle: "medium" } as const;
  return cachedBy("moment", (tag) => new Intl.DateTimeFormat(tag, options)).format(new Date(at));
}

/** A time of the day, with seconds. */
export function clock(at: string | number): string {
  return cachedBy("clock", (tag) => new Intl.DateTimeFormat(tag, { timeStyle: "medium" })).format(new Date(at));
}

/** A day. */
export function day(at: string | number): string {
  return cachedBy("day", (tag) => new Intl.DateTimeFormat(tag, { dateStyle: "medium" })).format(new Date(at));
}

const STEPS: readonly (readonly [Intl.RelativeTimeFormatUnit, number])[] = [
  ["day", 86_400],
  ["hour", 3600],
  ["minute", 60],
  ["second", 1],
];

/** How long ago, as of `now` in milliseconds. */
export function ago(at: string | number, now: number): string {
  const seconds = Math.round((new Date(at).getTime() - now) / 1000);
  const [unit, size] = STEPS.find(([, size]) => Math.abs(seconds) >= size) ?? (["second", 1] as const);
  const format = cachedBy("ago", (tag) => new Intl.RelativeTimeFormat(tag, { numeric: "auto" }));
  return format.format(Math.trunc(seconds / size), unit);
}

/** What names are sorted by. */
export function collator(): Intl.Collator {
  return cachedBy("collator", (tag) => new Intl.Collator(tag, { numeric: true }));
}
