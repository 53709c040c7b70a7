// The figures of the whole stock, as a pure function of the items. What each item is worth is remembered, so that a new look
// costs little when few items have changed.

import { tenThousandths } from "../../api/decimal";
import type { Item } from "../../live/stock";

export interface Figures {
  readonly items: number;
  /** At or below the reorder point, those that are out of stock included. */
  readonly low: number;
  readonly out: number;
  /** What everything is worth, in ten thousandths. What has no price counts nothing. */
  readonly value: bigint;
  readonly unpriced: number;
  /** The farthest below their reorder points, that one first. */
  readonly lowest: readonly Item[];
  /** Those that are worth most, that one first. */
  readonly dearest: readonly Item[];
}

/** A document never changes, so neither does what it is worth. */
const worth = new WeakMap<Item, bigint>();

export function valueOf(item: Item): bigint {
  if (item.price === null) return 0n;
  let value = worth.get(item);
  if (value === undefined) {
    value = BigInt(item.quantity) * tenThousandths(item.price);
    worth.set(item, value);
  }
  return value;
}

export function isLow(item: Item): boolean {
  return item.reorder_point !== null && item.quantity <= item.reorder_point;
}

/** How far below its reorder point an item is, as a share of that: 1 if there is nothing left. */
export function below(item: Item): number {
  const point = item.reorder_point ?? 0;
  return point === 0 ? 0 : (point - item.quantity) / point;
}

function farther(one: Item, other: Item): number {
  const missing = (item: Item): number => (item.reorder_point ?? 0) - item.quantity;
  return below(other) - below(one) || missing(other) - missing(one) || one.id - other.id;
}

function dearer(one: Item, other: Item): number {
  const [first, second] = [valueOf(one), valueOf(other)];
  return first === second ? one.id - other.id : first > second ? -1 : 1;
}

/** The first `most` in an order, without sorting all. */
class First {
  private readonly kept: Item[] = [];

  constructor(
    private readonly most: number,
    private readonly order: (one: Item, other: Item) => number,
  ) {}

  offer(item: Item): void {
    const last = this.kept[this.most - 1];
    if (last !== undefined && this.order(last, item) <= 0) return;
    let at = this.kept.length;
    while (at > 0 && this.order(this.kept[at - 1] ?? item, item) > 0) at -= 1;
    this.kept.splice(at, 0, item);
    if (this.kept.length > this.most) this.kept.pop();
  }

  get items(): readonly Item[] {
    return this.kept;
  }
}

export function figuresOf(items: Iterable<Item>, most: number): Figures {
  const lowest = new First(most, farther);
  const dearest = new First(most, dearer);
  let [count, low, out, unpriced, value] = [0, 0, 0, 0, 0n];
  for (const item of items) {
    count += 1;
    if (item.quantity === 0) out += 1;
    if (isLow(item)) {
      low += 1;
      lowest.offer(item);
    }
    if (item.price === null) {
      unpriced += 1;
    } else {
      value += valueOf(item);
      if (item.quantity > 0) dearest.offer(item);
    }
  }
  return { items: count, low, out, value, unpriced, lowest: lowest.items, dearest: dearest.items };
}
