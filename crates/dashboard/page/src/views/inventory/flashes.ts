// Changes from elsewhere, for some seconds after they came: which fields, what they were, and who it was. Changes of this page
// are no news to whoever made them, and what was missed and caught up doesn't flash one by one.

import { isMe } from "../../live/actors";
import { type Item, items } from "../../live/stock";
import type { ChangeFrame } from "../../protocol/frames";
import { isOwn, overtaken } from "./answers";
import { type Field, valueIn } from "./fields";
import { changedFields } from "./merging";

export interface Flash {
  readonly actor: string;
  readonly kind: "create" | "update";
  /** What the fields were before the first of the changes that still show. */
  readonly before: ReadonlyMap<Field, unknown>;
  readonly until: number;
}

/** Who changed an item last, as far as it was seen happen. */
export interface LastChange {
  readonly actor: string;
  readonly at: string;
  readonly version: number;
  readonly reason: string | null;
}

const LASTS = 4000;
/** So many last changes are remembered. */
const MOST = 5000;

const flashes = new Map<number, Flash>();
const last = new Map<number, LastChange>();

export function flashOf(id: number): Flash | undefined {
  return flashes.get(id);
}

export function lastChangeOf(id: number): LastChange | undefined {
  return last.get(id);
}

/** Follows the stream. */
export function followFlashes(redraw: () => void): () => void {
  let timer: number | undefined;
  const expire = (): void => {
    timer = undefined;
    const now = performance.now();
    for (const [id, flash] of flashes) if (flash.until <= now) flashes.delete(id);
    redraw();
    plan();
  };
  const plan = (): void => {
    if (timer === undefined && flashes.size > 0) timer = setTimeout(expire, 500) as unknown as number;
  };
  const off = items.listen((changes, live) => {
    for (const change of changes) {
      remember(change);
      if (change.type === "delete") overtaken(change.id, change.version);
      if (isMe(change.actor) && isOwn(change.id, change.version)) fade(change);
      else if (live) flash(change);
    }
    plan();
  });
  return () => {
    off();
    clearTimeout(timer);
    flashes.clear();
  };
}

/** Keeps who changed an item last. */
export function remember({ id, actor, at, version, reason }: LastChange & { readonly id: number }): void {
  if ((last.get(id)?.version ?? 0) > version) return;
  last.delete(id);
  last.set(id, { actor, at, version, reason });
  for (const oldest of last.keys()) {
    if (last.size <= MOST) break;
    last.delete(oldest);
  }
}

/** What this page has just changed itself doesn't flash as somebody else's. */
function fade({ id, data, previous }: ChangeFrame<Item>): void {
  const shown = flashes.get(id);
  if (shown === undefined) return;
  const before = new Map(shown.before);
  for (const field of data === null || previous === null ? [] : changedFields(previous, data)) before.delete(field);
  if (data === null || before.size === 0) flashes.delete(id);
  else flashes.set(id, { ...shown, before });
}

function flash(change: ChangeFrame<Item>): void {
  const until = performance.now() + LASTS;
  if (change.type === "create") {
    flashes.set(change.id, { actor: change.actor, kind: "create", before: new Map(), until });
  } else if (change.type === "update" && change.data !== null && change.previous !== null) {
    const { previous } = change;
    const before = new Map(changedFields(previous, change.data).map((field) => [field, valueIn(previous, field)]));
    const shown = flashes.get(change.id);
    // What was shown before the first of several changes is what people compare with.
    for (const [field, value] of shown?.before ?? []) before.set(field, value);
    flashes.set(change.id, { actor: change.actor, kind: shown?.kind ?? "update", before, until });
  } else {
    flashes.delete(change.id);
  }
}
