// The history of an item as it is shown: the newest change first, days between them, and what is missing said where it is.

import type { components } from "../../api/schema.gen";
import { type Event, eventOf, type OldValues } from "../../live/differences";
import type { Item } from "../../live/stock";
import type { ChangeFrame } from "../../protocol/frames";

/** A change of the item. Its versions have no holes, so what is missing shows. */
export interface Entry {
  readonly version: number;
  readonly event: Event;
  readonly at: string;
  readonly actor: string;
  readonly reason: string | null;
  readonly data: Item | null;
  readonly previous: OldValues | null;
}

export function entryOfChange(change: components["schemas"]["ItemChange"]): Entry {
  const { version, op, at, actor, reason, data, previous } = change;
  return { version, event: eventOf(op, version), at, actor, reason, data, previous };
}

export function entryOfFrame(frame: ChangeFrame<Item>): Entry {
  const { version, type, at, actor, reason, data, previous } = frame;
  return { version, event: eventOf(type, version), at, actor, reason, data, previous };
}

/** Puts changes among those that are there: each version once, the newest first. */
export function merge(entries: readonly Entry[], more: readonly Entry[]): readonly Entry[] {
  const known = new Set(entries.map((entry) => entry.version));
  const fresh = more.filter((entry) => !known.has(entry.version));
  if (fresh.length === 0) return entries;
  return [...entries, ...fresh].sort((one, other) => other.version - one.version);
}

export type Row =
  | { readonly kind: "day"; readonly key: string; readonly at: string }
  | { readonly kind: "entry"; readonly key: string; readonly entry: Entry }
  /** So many changes are missing, the newest of them no later than `until`. */
  | { readonly kind: "gap"; readonly key: string; readonly missing: number; readonly until: string | undefined };

/** The rows of the timeline. `newest` is the version that the item is known to have now. */
export function rows(entries: readonly Entry[], newest: number | undefined): Row[] {
  const found: Row[] = [];
  let day = "";
  let above: { version: number; at: string | undefined } | undefined =
    newest === undefined ? undefined : { version: newest + 1, at: undefined };
  for (const entry of entries) {
    const missing = above === undefined ? 0 : above.version - entry.version - 1;
    if (missing > 0) found.push({ kind: "gap", key: `gap ${entry.version}`, missing, until: above?.at });
    const date = new Date(entry.at).toDateString();
    if (date !== day) found.push({ kind: "day", key: `day ${date} ${entry.version}`, at: entry.at });
    day = date;
    found.push({ kind: "entry", key: String(entry.version), entry });
    above = entry;
  }
  return found;
}

/** What the item was before it was deleted, if it is. */
export function lastKnown(entries: readonly Entry[]): Item | undefined {
  const [newest] = entries;
  return newest?.event === "deleted" && newest.previous !== null ? (newest.previous as Item) : undefined;
}
