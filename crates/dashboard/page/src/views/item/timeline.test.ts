// The history of an item as it is shown.

import { expect, test } from "vitest";
import { type Entry, entryOfChange, lastKnown, merge, rows } from "./timeline";

function entry(version: number, at: string, event: Entry["event"] = "updated"): Entry {
  return { version, event, at, actor: "user:1", reason: null, data: null, previous: null };
}

const NOON = "2026-03-02T12:00:00";

test("a version is there once, whether it came live or was read", () => {
  const first = merge([], [entry(3, NOON), entry(2, NOON)]);
  const both = merge(first, [entry(4, NOON), entry(3, NOON), entry(1, NOON)]);
  expect(both.map(({ version }) => version)).toEqual([4, 3, 2, 1]);
  expect(merge(both, [entry(2, NOON)])).toBe(both);
});

test("days are named where they begin", () => {
  const kinds = rows([entry(3, NOON), entry(2, "2026-03-02T08:00:00"), entry(1, "2026-03-01T23:00:00")], 3);
  expect(kinds.map(({ kind }) => kind)).toEqual(["day", "entry", "entry", "day", "entry"]);
});

test("what is missing between two versions is counted, and until when it was", () => {
  const found = rows([entry(9, NOON), entry(5, "2026-03-02T08:00:00")], 9);
  expect(found.find(({ kind }) => kind === "gap")).toMatchObject({ missing: 3, until: NOON });
});

test("what is newer than the newest that was read is missing, too", () => {
  expect(rows([entry(5, NOON)], 7)[0]).toMatchObject({ kind: "gap", missing: 2, until: undefined });
  expect(rows([entry(5, NOON)], 5)[0]?.kind).toBe("day");
  expect(rows([entry(5, NOON)], undefined)[0]?.kind).toBe("day");
});

test("a deleted item is what it was before, until it is restored", () => {
  const gone = entryOfChange({
    position: 9,
    resource: "item",
    id: 7,
    op: "delete",
    version: 4,
    at: NOON,
    actor: "user:1",
    reason: "broken",
    request_id: null,
    data: null,
    previous: { name: "Bolt", quantity: 3 },
  });
  expect(gone).toMatchObject({ event: "deleted", reason: "broken" });
  expect(lastKnown([gone])).toMatchObject({ name: "Bolt", quantity: 3 });
  expect(lastKnown([entry(5, NOON, "restored"), gone])).toBeUndefined();
  expect(lastKnown([])).toBeUndefined();
});
