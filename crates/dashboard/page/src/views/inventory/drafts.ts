// What somebody has typed into cells and isn't saved yet, and what others did to these cells meanwhile. Pure, except for the
// two signals at the end.

import { type Signal, signal } from "@preact/signals";
import type { Item } from "../../live/stock";
import { type Field, read, sameValue, type Value, valueIn } from "./fields";

/** What somebody else made of the field. Who it was isn't always known. */
export interface Theirs {
  readonly item: Item;
  readonly actor: string | undefined;
}

export interface Draft {
  readonly id: number;
  readonly field: Field;
  readonly text: string;
  /** The item that the editor knows: only this version may be written over. */
  readonly base: Item;
  readonly state: "typing" | "saving" | "failed";
  /** Why it couldn't be saved. */
  readonly wrong: string | undefined;
  /** Somebody else changed the field since; it isn't saved before one of both is chosen. */
  readonly theirs: Theirs | undefined;
  /** Somebody else deleted the item. */
  readonly gone: boolean;
}

export function draftKey(id: number, field: Field): string {
  return `${id} ${field}`;
}

export function begin(base: Item, field: Field, text: string): Draft {
  return { id: base.id, field, text, base, state: "typing", wrong: undefined, theirs: undefined, gone: false };
}

/** What the draft would save; nothing while it makes no sense. */
export function wished(draft: Draft): Value {
  const typed = read(draft.field, draft.text, valueIn(draft.base, draft.field));
  return typed.kind === "value" ? typed.value : undefined;
}

/** The item is now like this: other fields don't matter, the own one does unless it became what is wished. */
export function observe(draft: Draft, now: Item | undefined, actor: string | undefined): Draft {
  if (now === undefined) return { ...draft, gone: true };
  if (now.version < draft.base.version) return draft;
  const [before, theirs] = [valueIn(draft.base, draft.field), valueIn(now, draft.field)];
  if (sameValue(before, theirs)) return { ...draft, base: now, theirs: undefined, gone: false };
  const mine = wished(draft);
  if (mine !== undefined && sameValue(mine, theirs)) return { ...draft, base: now, theirs: undefined, gone: false };
  const known = draft.theirs?.item.version === now.version ? draft.theirs.actor : undefined;
  return { ...draft, theirs: { item: now, actor: actor ?? known }, gone: false };
}

/** Mine is to be written over theirs, now that it was seen. */
export function keepMine(draft: Draft): Draft {
  return draft.theirs === undefined ? draft : { ...draft, base: draft.theirs.item, theirs: undefined };
}

export const drafts: Signal<ReadonlyMap<string, Draft>> = signal(new Map());
/** The key of the draft whose editor is open. */
export const open: Signal<string | undefined> = signal(undefined);

export function putDraft(draft: Draft): void {
  drafts.value = new Map(drafts.peek()).set(draftKey(draft.id, draft.field), draft);
}

export function dropDraft(key: string): void {
  const left = new Map(drafts.peek());
  left.delete(key);
  drafts.value = left;
  if (open.peek() === key) open.value = undefined;
}
