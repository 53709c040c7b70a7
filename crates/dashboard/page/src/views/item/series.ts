// How a value of an item went: what the service answered, live changes behind it, and what of it is drawn. All of it pure.

import { tenThousandths } from "../../api/decimal";
import type { components } from "../../api/schema.gen";

export type Series = components["schemas"]["Series"];
export type Point = components["schemas"]["SeriesPoint"];
export type Measure = components["schemas"]["Measure"];
export type Amount = components["schemas"]["Amount"] | null;

export const RANGES = ["1h", "24h", "7d", "30d", "1y", "all"] as const;
export type Range = (typeof RANGES)[number];

const HOUR = 3_600_000;
/** How long a range is, in milliseconds. */
export const LENGTH: Readonly<Record<Exclude<Range, "all">, number>> = {
  "1h": HOUR,
  "24h": 24 * HOUR,
  "7d": 7 * 24 * HOUR,
  "30d": 30 * 24 * HOUR,
  "1y": 365 * 24 * HOUR,
};

/** What is looked at: up to now, or a stretch that was zoomed to, in milliseconds. */
export type View =
  | { readonly kind: "range"; readonly range: Range }
  | { readonly kind: "window"; readonly from: number; readonly to: number };

/** A window is at least so long, in milliseconds. */
const SHORTEST = 1000;

/** A window as it can be shown: not too short, and not in the future. */
export function windowOf(from: number, to: number, now: number): View {
  const length = Math.max(to - from, SHORTEST);
  const middle = (from + to) / 2;
  const end = Math.min(middle + length / 2, now);
  return { kind: "window", from: Math.max(0, end - length), to: end };
}

function isLess(one: NonNullable<Amount>, other: NonNullable<Amount>): boolean {
  if (typeof one === "number" && typeof other === "number") return one < other;
  return tenThousandths(String(one)) < tenThousandths(String(other));
}

function lesser(one: Amount, other: Amount): Amount {
  if (one === null || other === null) return one ?? other;
  return isLess(other, one) ? other : one;
}

function greater(one: Amount, other: Amount): Amount {
  if (one === null || other === null) return one ?? other;
  return isLess(one, other) ? other : one;
}

/** A change of the value behind all others. Where there are many, those within `width` milliseconds become one point. */
export function append(series: Series, at: string, value: Amount, width: number): Series {
  const { points } = series;
  const last = points.at(-1);
  if ((last === undefined ? series.before : last.last) === value) return series;
  if (last === undefined || Date.parse(at) - Date.parse(last.at) >= width) {
    const point: Point = { at, first: value, low: value, high: value, last: value, changes: 1 };
    return { ...series, points: [...points, point] };
  }
  const merged: Point = {
    ...last,
    low: lesser(last.low, value),
    high: greater(last.high, value),
    last: value,
    changes: last.changes + 1,
  };
  return { ...series, points: [...points.slice(0, -1), merged] };
}

/** What is drawn: times in seconds, values as near as a canvas needs them, and the point that each is of. */
export interface Drawn {
  readonly xs: number[];
  readonly low: (number | null)[];
  readonly high: (number | null)[];
  readonly last: (number | null)[];
  /** `undefined` where the line begins or goes on without a change. */
  readonly points: (Point | undefined)[];
}

/** The least distance of two drawn points, in seconds. */
const STEP = 0.001;

/** Steps from change to change, from the beginning up to `until` (in milliseconds). */
export function drawn(series: Series, until: number): Drawn {
  const made: Drawn = { xs: [], low: [], high: [], last: [], points: [] };
  const put = (at: number, low: Amount, high: Amount, last: Amount, point: Point | undefined): void => {
    const before = made.xs.at(-1);
    made.xs.push(before === undefined ? at : Math.max(at, before + STEP));
    made.low.push(near(low));
    made.high.push(near(high));
    made.last.push(near(last));
    made.points.push(point);
  };
  let value = series.before;
  if (value !== null) put(Date.parse(series.since) / 1000, value, value, value, undefined);
  for (const point of series.points) {
    const at = Date.parse(point.at) / 1000;
    // Where the value ends the line goes on up to there.
    if (point.last === null && value !== null) put(at - STEP, value, value, value, undefined);
    put(at, point.low, point.high, point.last, point);
    value = point.last;
  }
  if (value !== null && until / 1000 > (made.xs.at(-1) ?? Infinity)) put(until / 1000, value, value, value, undefined);
  return made;
}

function near(amount: Amount): number | null {
  return amount === null ? null : Number(amount);
}
