// What the table shows, as signals: the ordering fed from the stream and from this page's own answers, the query, and the
// order that is held while somebody is at work in the rows.

import { batch, computed, effect, type ReadonlySignal, type Signal, signal, untracked } from "@preact/signals";
import { collator } from "../../i18n/format";
import { type Item, items } from "../../live/stock";
import { SharedMap } from "../../protocol/shared-map";
import { answers, effective, settle } from "./answers";
import { open } from "./drafts";
import { followFlashes } from "./flashes";
import { type Hands, holds } from "./hold";
import { Ordering, type Order, type Totals } from "./ordering";
import { EVERYTHING, matcher, type Query, writeQuery } from "./query";
import { observeItems } from "./saving";

const asOrder = (sort: Query["sort"]): Order => {
  const texts = collator();
  return { ...sort, compare: (one, other) => texts.compare(one, other) };
};

const ordering = new Ordering({ ...EVERYTHING.sort, compare: () => 0 }, () => true);
let fed = SharedMap.empty<Item>();
let answeredBefore: ReadonlySet<number> = new Set();

/** Grows whenever something that is shown may have changed. */
const drawn = signal(0);
/** Draws again whoever calls it, whenever something that is shown may have changed. */
export function follow(): number {
  return drawn.value;
}
const redraw = (): void => {
  drawn.value += 1;
};

const asked: Signal<Query> = signal(EVERYTHING);
export const query: ReadonlySignal<Query> = asked;

/** The ids in the order that is held, if one is. */
const held: Signal<readonly number[] | undefined> = signal(undefined);
/** The rows that would be elsewhere, were the order not held. */
const moved: Signal<ReadonlySet<number>> = signal(new Set());
/** What was deleted while its row was held. */
const ghosts = new Map<number, Item>();
const hands: { -readonly [K in keyof Hands]: Hands[K] } = { editing: false, there: false, touchedAt: 0 };

/** How many rows would be elsewhere. */
export const outOfOrder: ReadonlySignal<number> = computed(() => moved.value.size);

export function rowCount(): number {
  return held.value?.length ?? (drawn.value, ordering.size);
}

/** The item of a row; what is deleted is shown as it was while its row is held. */
export function rowAt(index: number): { readonly item: Item; readonly gone: boolean } | undefined {
  const ids = held.peek();
  if (ids === undefined) {
    const item = ordering.at(index);
    return item && { item, gone: false };
  }
  const id = ids[index];
  if (id === undefined) return undefined;
  const item = ordering.get(id);
  if (item !== undefined) return { item, gone: false };
  const ghost = ghosts.get(id);
  return ghost && { item: ghost, gone: true };
}

export function indexOf(id: number): number {
  return held.peek()?.indexOf(id) ?? ordering.indexOf(id);
}

export function itemOf(id: number): Item | undefined {
  return ordering.get(id);
}

export function known(): number {
  return (drawn.value, ordering.known);
}

export function totals(): Totals {
  return (drawn.value, ordering.totals);
}

/** Every item, for lists of what there is to choose from. */
export function everything(): Iterable<Item> {
  return ordering.everything();
}

/** The shown items, in their true order. */
export const shown: ReadonlySignal<readonly Item[]> = computed(() => (drawn.value, [...ordering.items()]));

/** Asks for something else: it is shown at once, and the address says so. */
export function ask(changes: Partial<Query>): void {
  const before = asked.peek();
  const now = { ...before, ...changes };
  batch(() => {
    asked.value = now;
    if (now.sort !== before.sort) ordering.sortBy(asOrder(now.sort));
    ordering.filterBy(matcher(now, Date.now()));
    reorder();
    redraw();
  });
  const text = writeQuery(now);
  const address = location.pathname + (text === "" ? "" : `?${text}`);
  history.replaceState(history.state, "", address);
}

/** Shows what the address asks for. */
export function askAddress(wanted: Query): void {
  batch(() => {
    asked.value = wanted;
    ordering.sortBy(asOrder(wanted.sort));
    ordering.filterBy(matcher(wanted, Date.now()));
    reorder();
    redraw();
  });
}

/** Gives rows their true places, even while somebody is at work in them. */
export function reorder(): void {
  ghosts.clear();
  moved.value = new Set();
  held.value = held.peek() === undefined ? undefined : ordering.ids();
}

/** Somebody is at work in the rows, or no longer. */
export function handle(change: Partial<Omit<Hands, "touchedAt">> = {}): void {
  Object.assign(hands, change);
  if (hands.there) hands.touchedAt = performance.now();
  holdOrNot();
}

function holdOrNot(): void {
  const hold = holds(hands, performance.now());
  if (hold === (held.peek() !== undefined)) return;
  batch(() => {
    held.value = hold ? ordering.ids() : undefined;
    ghosts.clear();
    moved.value = new Set();
    redraw();
  });
}

/** Brings the ordering up to what the stream and the answers say. */
function feed(rows: SharedMap<Item>, own: ReadonlyMap<number, unknown>): void {
  const changed = new Set<number>();
  for (const [id] of rows.since(fed)) changed.add(id);
  for (const id of own.keys()) changed.add(id);
  for (const id of answeredBefore) changed.add(id);
  for (const id of settle()) changed.add(id);
  fed = rows;
  answeredBefore = new Set(answers.peek().keys());
  const changes = [...changed]
    .map((id) => [id, effective(id)] as const)
    .filter(([id, item]) => ordering.get(id) !== item);
  if (changes.length === 0) return;
  if (held.peek() !== undefined) {
    for (const [id, item] of changes) {
      const old = ordering.get(id);
      if (item === undefined && old !== undefined) ghosts.set(id, old);
    }
  }
  observeItems(changes);
  const now = ordering.apply(changes);
  batch(() => {
    if (held.peek() !== undefined && now.length > 0) moved.value = new Set([...moved.peek(), ...now]);
    redraw();
  });
}

/** How often what time alone changes is looked at, in milliseconds. */
const TICK = 1000;
const REFILTER = 30_000;

/** Follows everything as long as the view is there. */
export function startModel(): () => void {
  const unfeed = effect(() => {
    const rows = items.state.value.rows;
    const own = answers.value;
    untracked(() => feed(rows, own));
  });
  const unspeak = effect(() => {
    // Another language sorts otherwise.
    const texts = collator();
    untracked(() => {
      ordering.sortBy({ ...asked.peek().sort, compare: (one, other) => texts.compare(one, other) });
      reorder();
      redraw();
    });
  });
  const unedit = effect(() => {
    const editing = open.value !== undefined;
    untracked(() => handle({ editing }));
  });
  const unflash = followFlashes(redraw);
  const tick = setInterval(holdOrNot, TICK);
  const refilter = setInterval(() => {
    if (asked.peek().changed === undefined || held.peek() !== undefined) return;
    ordering.filterBy(matcher(asked.peek(), Date.now()));
    redraw();
  }, REFILTER);
  return () => {
    for (const stop of [unfeed, unspeak, unedit, unflash]) stop();
    clearInterval(tick);
    clearInterval(refilter);
    handle({ editing: false, there: false });
  };
}
