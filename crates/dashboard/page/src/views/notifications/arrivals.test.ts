// What counts as new, what is said of it, and what belongs to a list.

import { expect, test } from "vitest";
import type { Notification } from "../../live/stock";
import type { ChangeFrame } from "../../protocol/frames";
import { arrivals, matches, newestBefore, NO_FILTER, sayings } from "./arrivals";

function notification(id: number, some: Partial<Notification> = {}): Notification {
  return {
    id,
    monitor_id: 2,
    monitor_name: "Low",
    item_id: 7,
    item_sku: null,
    item_name: "Bolt",
    severity: "warning",
    measure: "quantity",
    condition: { kind: "below", threshold: 5 },
    value: 4,
    previous_value: 6,
    threshold: 5,
    reference: null,
    message: "Bolt: 4 left",
    change_position: 10,
    change_at: "2026-11-22T08:30:00Z",
    muted: false,
    acknowledged_at: null,
    acknowledged_by: null,
    note: null,
    version: 1,
    created_at: "2026-11-22T08:30:01Z",
    read: false,
    ...some,
  };
}

function change(type: ChangeFrame["type"], data: Notification, position = data.id * 10): ChangeFrame<Notification> {
  const { id, version, created_at: at } = data;
  const rest = { topic: "notifications", resource: "notification", prev: 0, actor: "x", reason: null, previous: null };
  return { ...rest, type, id, position, version, at, data };
}

const ids = (changes: readonly ChangeFrame<Notification>[], newest: number) =>
  arrivals(changes, newest).map((arrival) => arrival.notification.id);

test("what was raised is new, what somebody did with an old one isn't", () => {
  const changes = [change("notification", notification(4)), change("update", notification(2, { version: 2 }))];
  expect(ids(changes, 3)).toEqual([4]);
});

test("an update that comes instead of the notification is new, and both together are one", () => {
  const seen = notification(4, { version: 2, acknowledged_at: "2026-11-22T08:31:00Z" });
  expect(ids([change("update", seen)], 3)).toEqual([4]);
  const both = arrivals([change("notification", notification(4), 40), change("update", seen, 41)], 3);
  expect(both).toEqual([{ notification: seen, position: 40 }]);
});

test("what is muted, or gone, is no news", () => {
  const muted = change("notification", notification(4, { muted: true }));
  expect(ids([muted, change("delete", notification(5))], 3)).toEqual([]);
});

test("the newest before is told without what has just come", () => {
  const held = [notification(2), notification(9), notification(4)];
  expect(newestBefore(held, [change("notification", notification(9))])).toBe(4);
  expect(newestBefore([], [])).toBe(0);
});

test("two are told one by one, more are summed up", () => {
  const come = (count: number) =>
    arrivals(
      Array.from({ length: count }, (_, at) =>
        change("notification", notification(at + 1, { severity: at === 0 ? "critical" : "info" })),
      ),
      0,
    );
  expect(sayings(come(2)).map((saying) => saying.kind)).toEqual(["one", "one"]);
  expect(sayings(come(12))).toEqual([{ kind: "several", count: 12, critical: 1 }]);
});

test("a filter is about everything that it names", () => {
  const one = notification(4);
  expect(matches(NO_FILTER, one, true)).toBe(true);
  expect(matches({ ...NO_FILTER, unread: true }, one, true)).toBe(false);
  expect(matches({ ...NO_FILTER, item: 8 }, one, false)).toBe(false);
  expect(matches({ ...NO_FILTER, monitor: 2, item: 7, severities: ["warning"] }, one, false)).toBe(true);
  expect(matches({ ...NO_FILTER, severities: ["info", "critical"] }, one, false)).toBe(false);
  expect(matches({ ...NO_FILTER, acknowledged: true }, one, false)).toBe(false);
  expect(matches({ ...NO_FILTER, acknowledged: false }, one, false)).toBe(true);
  expect(matches({ ...NO_FILTER, since: "2026-11-22T09:30:01+01:00" }, one, false)).toBe(true);
  expect(matches({ ...NO_FILTER, until: "2026-11-22T08:30:01Z" }, one, false)).toBe(false);
});
