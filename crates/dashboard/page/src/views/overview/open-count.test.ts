// How many notifications nobody has seen to.

import { expect, test } from "vitest";
import type { Notification } from "../../live/stock";
import type { ChangeFrame } from "../../protocol/frames";
import { countAfter } from "./open-count";

const COUNT = { total: 5, info: 1, warning: 3, critical: 1, more: false };

function change(type: ChangeFrame["type"], data: Partial<Notification> | null, previous: Partial<Notification> | null) {
  return { type, data, previous } as ChangeFrame<Notification>;
}

const RAISED = { severity: "warning", muted: false, acknowledged_at: null } as const;

test("what is raised counts, unless it is muted", () => {
  expect(countAfter(COUNT, change("notification", RAISED, null))).toMatchObject({ total: 6, warning: 4 });
  expect(countAfter(COUNT, change("notification", { ...RAISED, muted: true }, null))).toBe(COUNT);
});

test("what somebody sees to counts no longer, until they take that back", () => {
  const seen = { ...RAISED, acknowledged_at: "2026-01-01T00:00:00Z" };
  expect(countAfter(COUNT, change("update", seen, { acknowledged_at: null }))).toMatchObject({ total: 4, warning: 2 });
  const back = change("update", RAISED, { acknowledged_at: seen.acknowledged_at });
  expect(countAfter(COUNT, back)).toMatchObject({ total: 6, warning: 4 });
});

test("another change counts nothing, and what is deleted counts no longer", () => {
  expect(countAfter(COUNT, change("update", { ...RAISED, note: "x" }, { note: null }))).toBe(COUNT);
  expect(countAfter(COUNT, change("delete", null, RAISED))).toMatchObject({ total: 4, warning: 2 });
  expect(countAfter(COUNT, change("delete", null, null))).toBe(COUNT);
});
