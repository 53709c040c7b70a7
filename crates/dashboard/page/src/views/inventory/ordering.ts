// Which items are shown, in which order, kept up change by change: a change finds its row by binary search and moves it,
// instead of sorting 50,000 rows again. Nothing here draws or waits.

import type { Item } from "../../live/stock";
import { type Column, sortKey, type SortKey } from "./columns";
import { valueOf } from "./amounts";

interface Entry {
  readonly item: Item;
  readonly key: SortKey;
}

export interface Order {
  readonly column: Column;
  readonly descending: boolean;
  /** How texts are compared, as the reader's language has it. */
  readonly compare: (one: string, other: string) => number;
}

/** What all shown items are together; `value` in ten-thousandths. */
export interface Totals {
  readonly items: number;
  readonly quantity: bigint;
  readonly value: bigint;
}

/** More changes at once than this are sorted anew. */
const MANY = 1000;

export class Ordering {
  private order: Order;
  private matches: (item: Item) => boolean;
  /** Every item, sorted: another filter needs no other sort. */
  private all: Entry[] = [];
  /** Those that match, sorted. */
  private matching: Entry[] = [];
  private readonly byId = new Map<number, Entry>();
  private quantity = 0n;
  private value = 0n;

  constructor(order: Order, matches: (item: Item) => boolean) {
    this.order = order;
    this.matches = matches;
  }

  get size(): number {
    return this.matching.length;
  }

  /** How many items there are, whether they match or not. */
  get known(): number {
    return this.all.length;
  }

  get totals(): Totals {
    return { items: this.matching.length, quantity: this.quantity, value: this.value };
  }

  at(index: number): Item | undefined {
    return this.matching[index]?.item;
  }

  get(id: number): Item | undefined {
    return this.byId.get(id)?.item;
  }

  *items(): Generator<Item> {
    for (const { item } of this.matching) yield item;
  }

  /** Every item, whether it matches or not. */
  *everything(): Generator<Item> {
    for (const { item } of this.all) yield item;
  }

  ids(): number[] {
    return this.matching.map(({ item }) => item.id);
  }

  /** Where the item is shown; -1 if it isn't. */
  indexOf(id: number): number {
    const entry = this.byId.get(id);
    if (entry === undefined) return -1;
    const index = this.place(this.matching, entry);
    return this.matching[index] === entry ? index : -1;
  }

  filterBy(matches: (item: Item) => boolean): void {
    this.matches = matches;
    this.filterAll();
  }

  sortBy(order: Order): void {
    this.order = order;
    this.sortAll([...this.byId.values()].map(({ item }) => item));
  }

  /** Applies what changed; `undefined` for what is gone. The answer: those whose row came, went or moved. */
  apply(changes: readonly (readonly [number, Item | undefined])[]): readonly number[] {
    if (changes.length > MANY) return this.applyMany(changes);
    const moved: number[] = [];
    for (const [id, item] of changes) if (this.change(id, item)) moved.push(id);
    return moved;
  }

  private applyMany(changes: readonly (readonly [number, Item | undefined])[]): readonly number[] {
    const items = new Map([...this.byId].map(([id, { item }]) => [id, item]));
    for (const [id, item] of changes) {
      if (item === undefined) items.delete(id);
      else items.set(id, item);
    }
    this.sortAll(items.values());
    return changes.map(([id]) => id);
  }

  private change(id: number, item: Item | undefined): boolean {
    const old = this.byId.get(id);
    const left = old === undefined ? -1 : this.takeOut(old);
    if (item === undefined) {
      this.byId.delete(id);
      return left >= 0;
    }
    const entry = { item, key: sortKey(item, this.order.column) };
    this.byId.set(id, entry);
    this.all.splice(this.place(this.all, entry), 0, entry);
    if (!this.matches(item)) return left >= 0;
    const index = this.place(this.matching, entry);
    this.matching.splice(index, 0, entry);
    this.count(item, 1n);
    return left !== index;
  }

  /** Where it was shown, or -1. */
  private takeOut(entry: Entry): number {
    this.all.splice(this.place(this.all, entry), 1);
    const index = this.place(this.matching, entry);
    if (this.matching[index] !== entry) return -1;
    this.matching.splice(index, 1);
    this.count(entry.item, -1n);
    return index;
  }

  private sortAll(items: Iterable<Item>): void {
    this.byId.clear();
    this.all = Array.from(items, (item) => ({ item, key: sortKey(item, this.order.column) }));
    this.all.sort((one, other) => this.compare(one, other));
    for (const entry of this.all) this.byId.set(entry.item.id, entry);
    this.filterAll();
  }

  private filterAll(): void {
    this.matching = this.all.filter(({ item }) => this.matches(item));
    this.quantity = this.value = 0n;
    for (const { item } of this.matching) this.count(item, 1n);
  }

  private count(item: Item, sign: 1n | -1n): void {
    this.quantity += sign * BigInt(item.quantity);
    this.value += sign * (valueOf(item) ?? 0n);
  }

  /** The first place whose entry isn't before this one. */
  private place(entries: readonly Entry[], entry: Entry): number {
    let [low, high] = [0, entries.length];
    while (low < high) {
      const middle = (low + high) >>> 1;
      const other = entries[middle];
      if (other !== undefined && this.compare(other, entry) < 0) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  /** Total: what is equal is ordered by id. What has no value comes last, whichever way it is sorted. */
  private compare(one: Entry, other: Entry): number {
    if (one.key === null || other.key === null) {
      if (one.key !== other.key) return one.key === null ? 1 : -1;
    } else {
      const result = this.compareKeys(one.key, other.key);
      if (result !== 0) return this.order.descending ? -result : result;
    }
    return one.item.id - other.item.id;
  }

  private compareKeys(one: string | number | bigint, other: string | number | bigint): number {
    if (typeof one === "string" && typeof other === "string") return this.order.compare(one, other);
    // An attribute may be a number here and a text there.
    if (typeof one === "string") return 1;
    if (typeof other === "string") return -1;
    return one < other ? -1 : one > other ? 1 : 0;
  }
}
