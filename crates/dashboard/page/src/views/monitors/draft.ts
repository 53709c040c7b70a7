// A monitor as a form has it: every field as it was typed. Pure: what is sent is made of it here, and what differs from the
// monitor that there is.

import type { components } from "../../api/schema.gen";
import type { Monitor } from "../../live/stock";
import {
  type Amount,
  type Condition,
  inUnits,
  type Measure,
  type Scope,
  type Severity,
  type Unit,
  UNITS,
} from "./sentence";

export type Definition = components["schemas"]["NewMonitor"];
export type Patch = components["schemas"]["MonitorPatch"];

export const WEEKDAYS = ["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"] as const;

/** A duration as it was typed. */
export interface Span {
  readonly count: string;
  readonly unit: Unit;
}

/** What the value of an attribute is. */
export type ValueKind = "text" | "number" | "true" | "false" | "null";

export interface Draft {
  readonly name: string;
  readonly scope: Scope["kind"];
  readonly item: number | undefined;
  readonly prefix: string;
  readonly attribute: string;
  readonly valueKind: ValueKind;
  readonly value: string;
  readonly measure: Measure;
  readonly kind: Condition["kind"];
  readonly threshold: string;
  readonly low: string;
  readonly high: string;
  readonly percent: string;
  /** Empty: from where the item was when the monitor started. */
  readonly base: string;
  readonly time: Span;
  readonly hysteresis: string;
  readonly severity: Severity;
  readonly message: string;
  readonly cooldown: Span;
  readonly scheduled: boolean;
  readonly timeZone: string;
  readonly weekdays: readonly string[];
  readonly from: string;
  readonly until: string;
  readonly channels: readonly number[];
  readonly notifyExisting: boolean;
  readonly running: boolean;
}

/** What a form begins with. */
export function newDraft(timeZone: string): Draft {
  return {
    name: "",
    scope: "all",
    item: undefined,
    prefix: "",
    attribute: "",
    valueKind: "text",
    value: "",
    measure: "quantity",
    kind: "below",
    threshold: "",
    low: "",
    high: "",
    percent: "",
    base: "",
    time: { count: "1", unit: "hour" },
    hysteresis: "",
    severity: "warning",
    message: "",
    cooldown: { count: "0", unit: "minute" },
    scheduled: false,
    timeZone,
    weekdays: WEEKDAYS.slice(0, 5),
    from: "08:00",
    until: "18:00",
    channels: [],
    notifyExisting: false,
    running: true,
  };
}

export function draftOf(monitor: Monitor, timeZone: string): Draft {
  const { scope, condition, schedule, hysteresis } = monitor;
  const blank = newDraft(timeZone);
  return {
    ...blank,
    ...scopeDraft(scope),
    ...conditionDraft(condition),
    name: monitor.name,
    measure: monitor.measure,
    hysteresis: Number(hysteresis) === 0 ? "" : plain(hysteresis),
    severity: monitor.severity,
    message: monitor.message ?? "",
    cooldown: spanOf(monitor.cooldown_seconds),
    scheduled: schedule !== null,
    ...(schedule !== null && {
      timeZone: schedule.time_zone,
      weekdays: schedule.weekdays,
      from: schedule.from,
      until: schedule.until,
    }),
    channels: monitor.channels,
    notifyExisting: monitor.notify_existing,
    running: monitor.state !== "stopped",
  };
}

function scopeDraft(scope: Scope): Partial<Draft> {
  switch (scope.kind) {
    case "all":
      return { scope: "all" };
    case "item":
      return { scope: "item", item: scope.item_id };
    case "sku_prefix":
      return { scope: "sku_prefix", prefix: scope.prefix };
    case "attribute":
      return { scope: "attribute", attribute: scope.name, ...valueDraft(scope.value) };
  }
}

function valueDraft(value: unknown): Pick<Draft, "valueKind" | "value"> {
  if (typeof value === "string") return { valueKind: "text", value };
  if (typeof value === "number") return { valueKind: "number", value: String(value) };
  return { valueKind: value === null ? "null" : value === true ? "true" : "false", value: "" };
}

function conditionDraft(condition: Condition): Partial<Draft> {
  const { kind } = condition;
  switch (kind) {
    case "below":
    case "above":
      return { kind, threshold: plain(condition.threshold) };
    case "outside":
      return { kind, low: plain(condition.low), high: plain(condition.high) };
    case "rises_by":
    case "falls_by":
      return { kind, percent: condition.percent, base: condition.base == null ? "" : plain(condition.base) };
    case "changes_by":
      return { kind, percent: condition.percent, time: spanOf(condition.window_seconds) };
    case "unchanged_for":
      return { kind, time: spanOf(condition.seconds) };
    case "at_reorder_point":
      return { kind };
  }
}

/** An amount as one would type it: without needless places. */
function plain(amount: Amount): string {
  return typeof amount === "number" ? String(amount) : amount.replace(/(\.\d*?)0+$/, "$1").replace(/\.$/, "");
}

export function spanOf(seconds: number): Span {
  const { count, unit } = inUnits(seconds);
  return { count: String(count), unit };
}

/** The seconds of a span; nothing if it is no number, which the service then says. */
export function secondsOf({ count, unit }: Span): number | null {
  const text = count.trim();
  if (!/^\d+(\.\d+)?$/.test(text)) return null;
  return Number(text) * (UNITS.find((known) => known.unit === unit)?.seconds ?? 1);
}

/** What the hysteresis of a condition counts: nothing where there is none. */
export function hysteresisUnit(kind: Condition["kind"]): "measure" | "points" | undefined {
  if (kind === "rises_by" || kind === "falls_by") return "points";
  return kind === "changes_by" || kind === "unchanged_for" ? undefined : "measure";
}

/** Left out where nothing was typed; what is no number is sent as it is, so that the service says what is wrong. */
function amountOf(text: string, measure: Measure): Amount | undefined {
  const typed = text.trim();
  if (typed === "") return undefined;
  return measure === "quantity" && /^-?\d+$/.test(typed) ? Number(typed) : typed;
}

function valueOf({ valueKind, value }: Draft): unknown {
  switch (valueKind) {
    case "text":
      return value;
    case "number":
      return value.trim() !== "" && Number.isFinite(Number(value)) ? Number(value) : value;
    case "null":
      return null;
    default:
      return valueKind === "true";
  }
}

function scopeOf(draft: Draft): object {
  switch (draft.scope) {
    case "all":
      return { kind: "all" };
    case "item":
      return { kind: "item", item_id: draft.item };
    case "sku_prefix":
      return { kind: "sku_prefix", prefix: draft.prefix };
    case "attribute":
      return { kind: "attribute", name: draft.attribute, value: valueOf(draft) };
  }
}

function conditionOf(draft: Draft): object {
  const { kind, measure } = draft;
  switch (kind) {
    case "below":
    case "above":
      return { kind, threshold: amountOf(draft.threshold, measure) };
    case "outside":
      return { kind, low: amountOf(draft.low, measure), high: amountOf(draft.high, measure) };
    case "rises_by":
    case "falls_by":
      return { kind, percent: textOf(draft.percent), base: amountOf(draft.base, measure) };
    case "changes_by":
      return { kind, percent: textOf(draft.percent), window_seconds: secondsOf(draft.time) };
    case "unchanged_for":
      return { kind, seconds: secondsOf(draft.time) };
    case "at_reorder_point":
      return { kind };
  }
}

function textOf(text: string): string | undefined {
  return text.trim() === "" ? undefined : text.trim();
}

function hysteresisOf(draft: Draft): Amount {
  const unit = hysteresisUnit(draft.kind);
  if (unit === undefined) return 0;
  return (unit === "points" ? textOf(draft.hysteresis) : amountOf(draft.hysteresis, draft.measure)) ?? 0;
}

/** What is sent of a draft. Fields may be missing or of another type if they were typed so: the service says that. */
function fieldsOf(draft: Draft): Omit<Definition, "state"> {
  const { timeZone, weekdays, from, until } = draft;
  return {
    name: draft.name,
    scope: scopeOf(draft),
    measure: draft.measure,
    condition: conditionOf(draft),
    hysteresis: hysteresisOf(draft),
    notify_existing: draft.notifyExisting,
    severity: draft.severity,
    message: draft.message.trim() === "" ? null : draft.message,
    cooldown_seconds: secondsOf(draft.cooldown),
    schedule: draft.scheduled ? { time_zone: timeZone.trim(), weekdays, from, until } : null,
    channels: draft.channels,
  } as Definition;
}

/** What is sent to make the monitor. */
export function definitionOf(draft: Draft): Definition {
  return { ...fieldsOf(draft), state: draft.running ? "running" : "stopped" };
}

/** What a draft changes of a monitor: nothing else is sent, so what others change meanwhile stays. */
export function patchOf(before: Monitor, draft: Draft): Patch {
  const wanted = fieldsOf(draft);
  const patch: Patch = differing(fieldsOf(draftOf(before, draft.timeZone)), wanted);
  // With another condition the hysteresis may mean something else: it is said, too.
  if (("condition" in patch || "measure" in patch) && wanted.hysteresis !== undefined) {
    patch.hysteresis = wanted.hysteresis;
  }
  return patch;
}

function differing(there: object, wanted: object): Record<string, unknown> {
  const old = new Map(Object.entries(there));
  const entries = Object.entries(wanted) as [string, unknown][];
  return Object.fromEntries(entries.filter(([field, value]) => !same(old.get(field), value)));
}

export function same(one: unknown, other: unknown): boolean {
  return JSON.stringify(one) === JSON.stringify(other);
}

/** A draft on another state of its monitor: what was touched stays, the rest is as it is now. */
export function rebased(before: Monitor, now: Monitor, draft: Draft): Draft {
  const untouched = draftOf(before, draft.timeZone);
  const touched = differing(untouched, draft);
  return { ...draftOf(now, draft.timeZone), ...touched };
}

/** The fields of a patch that somebody else has changed, too. */
export function contested(before: Monitor, now: Monitor, patch: Patch): readonly string[] {
  const theirs = differing(before, now);
  return Object.keys(patch).filter((field) => field in theirs);
}
