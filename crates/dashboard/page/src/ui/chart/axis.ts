// What the axes of charts say: times and numbers in the page's language, as exact as the distance of the marks needs.

import { language } from "../../i18n";
import { compact } from "../../i18n/format";

const MINUTE = 60;
const DAY = 86_400;
const MONTH = 28 * DAY;
const YEAR = 365 * DAY;
const formats = new Map<string, Intl.DateTimeFormat>();

function written(at: Date, name: string, options: Intl.DateTimeFormatOptions): string {
  const key = `${language.value} ${name}`;
  let format = formats.get(key);
  if (format === undefined) {
    format = new Intl.DateTimeFormat(language.value, options);
    formats.set(key, format);
  }
  return format.format(at);
}

/** Marks of a time axis: seconds since 1970, so many of them apart. The day is named where one begins, and at the first. */
export function timeLabels(marks: readonly number[], apart: number): string[] {
  return marks.map((mark, index) => {
    const at = new Date(mark * 1000);
    if (apart >= YEAR) return written(at, "year", { year: "numeric" });
    if (apart >= MONTH) return written(at, "month", { year: "numeric", month: "short" });
    const date = written(at, "date", { month: "short", day: "numeric" });
    if (apart >= DAY) return date;
    const clock: Intl.DateTimeFormatOptions = { hour: "numeric", minute: "2-digit" };
    if (apart < MINUTE) clock.second = "2-digit";
    const time = written(at, apart < MINUTE ? "seconds" : "minutes", clock);
    const before = marks[index - 1];
    const named = before === undefined || new Date(before * 1000).getDate() !== at.getDate();
    return named ? `${time}\n${date}` : time;
  });
}

/** Marks of a number axis: short, as long as neighbours still differ. */
export function numberLabels(marks: readonly number[], apart: number): string[] {
  const most = Math.max(...marks.map(Math.abs));
  const short = most >= 10_000 && apart >= most / 100;
  const exact = new Intl.NumberFormat(language.value, { maximumFractionDigits: 4 });
  return marks.map((mark) => (short ? compact(mark) : exact.format(mark)));
}

/** How wide the labels of a vertical axis are, in pixels. */
export function widthOf(labels: readonly string[] | null): number {
  return 18 + 7.5 * Math.max(2, ...(labels ?? []).map((label) => label.length));
}

/** The distances that marks of whole numbers may have. */
export const WHOLE_STEPS: number[] = Array.from({ length: 16 }, (_, power) =>
  [1, 2, 5].map((first) => first * 10 ** power),
).flat();
