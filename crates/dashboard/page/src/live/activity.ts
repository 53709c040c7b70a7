// The newest changes of items, as they came, for whoever shows what is going on, and how many there are.

import { type Signal, signal } from "@preact/signals";
import type { ChangeFrame } from "../protocol/frames";
import { Pace } from "./pace";
import { type Item, items } from "./stock";

const MOST = 200;

/** Newest first. */
export const activity: Signal<readonly ChangeFrame<Item>[]> = signal([]);

/** How many changes came live. */
export const pace = new Pace();

export function startActivity(): void {
  items.listen((changes, live) => {
    activity.value = [...changes.slice(-MOST)].reverse().concat(activity.value).slice(0, MOST);
    // What was missed happened earlier, and this clock may not be the one of the changes.
    if (live) pace.add(Date.now(), changes.length);
  });
}
