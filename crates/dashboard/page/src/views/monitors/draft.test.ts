// What is sent is what was typed, and of a change only what changed.

import { expect, test } from "vitest";
import type { Monitor } from "../../live/stock";
import { contested, definitionOf, type Draft, draftOf, newDraft, patchOf, rebased, secondsOf, spanOf } from "./draft";

const MONITOR: Monitor = {
  id: 3,
  name: "Prices move",
  built_in: null,
  scope: { kind: "attribute", name: "department", value: 7 },
  measure: "price",
  condition: { kind: "falls_by", percent: "7.5", base: "12.5000" },
  hysteresis: "1.0000",
  notify_existing: true,
  severity: "critical",
  message: "{item.name}!",
  cooldown_seconds: 5400,
  schedule: { time_zone: "Europe/Berlin", weekdays: ["monday"], from: "22:00", until: "06:00" },
  channels: [1, 2],
  state: "paused",
  version: 4,
  created_by: "user:1",
  created_at: "2026-11-22T08:30:00Z",
  updated_at: "2026-11-22T08:30:00Z",
};

function typed(some: Partial<Draft>) {
  return definitionOf({ ...newDraft("UTC"), ...some });
}

test("a draft of a monitor means the monitor", () => {
  const definition = definitionOf(draftOf(MONITOR, "UTC"));
  const { scope, condition, hysteresis, cooldown_seconds, schedule, channels } = definition;
  expect({ scope, cooldown_seconds, schedule, channels }).toEqual({
    scope: MONITOR.scope,
    cooldown_seconds: 5400,
    schedule: MONITOR.schedule,
    channels: [1, 2],
  });
  expect(condition).toEqual({ kind: "falls_by", percent: "7.5", base: "12.5" });
  expect(hysteresis).toBe("1");
  expect(patchOf(MONITOR, draftOf(MONITOR, "UTC"))).toEqual({});
});

test("a patch says what changed, and the hysteresis with the condition", () => {
  const draft = draftOf(MONITOR, "UTC");
  expect(patchOf(MONITOR, { ...draft, name: "Other", scheduled: false, message: " " })).toEqual({
    name: "Other",
    schedule: null,
    message: null,
  });
  expect(patchOf(MONITOR, { ...draft, percent: "8" })).toEqual({
    condition: { kind: "falls_by", percent: "8", base: "12.5" },
    hysteresis: "1",
  });
  expect(patchOf(MONITOR, { ...draft, kind: "unchanged_for", time: spanOf(7200) })).toEqual({
    condition: { kind: "unchanged_for", seconds: 7200 },
    hysteresis: 0,
  });
});

test("quantities are numbers, prices texts, and what is no number stays as it was typed", () => {
  const below = (measure: Draft["measure"], threshold: string) => typed({ measure, threshold }).condition;
  expect(below("quantity", " 50 ")).toEqual({ kind: "below", threshold: 50 });
  expect(below("price", "0.1000")).toEqual({ kind: "below", threshold: "0.1000" });
  expect(below("quantity", "many")).toEqual({ kind: "below", threshold: "many" });
  expect(JSON.stringify(below("quantity", " "))).toBe('{"kind":"below"}');
});

test("the values of attributes are texts, numbers, yes, no and nothing", () => {
  const value = (valueKind: Draft["valueKind"], text: string) => {
    const scope = typed({ scope: "attribute", attribute: "a", valueKind, value: text }).scope;
    return scope.kind === "attribute" ? scope.value : undefined;
  };
  expect(value("text", "7")).toBe("7");
  expect(value("number", "7.5")).toBe(7.5);
  expect(value("true", "")).toBe(true);
  expect(value("false", "")).toBe(false);
  expect(value("null", "")).toBe(null);
});

test("spans are seconds", () => {
  expect(secondsOf({ count: "1.5", unit: "hour" })).toBe(5400);
  expect(secondsOf({ count: "soon", unit: "hour" })).toBe(null);
  expect(spanOf(5400)).toEqual({ count: "90", unit: "minute" });
  expect(spanOf(0)).toEqual({ count: "0", unit: "second" });
});

test("what others change is taken over, unless both changed the same", () => {
  const draft = { ...draftOf(MONITOR, "UTC"), name: "Mine" };
  const paused: Monitor = { ...MONITOR, state: "running", severity: "info", version: 5 };
  const next = rebased(MONITOR, paused, draft);
  expect([next.name, next.severity, next.running]).toEqual(["Mine", "info", true]);
  expect(contested(MONITOR, paused, patchOf(MONITOR, draft))).toEqual([]);
  expect(contested(MONITOR, { ...paused, name: "Theirs" }, patchOf(MONITOR, draft))).toEqual(["name"]);
});
