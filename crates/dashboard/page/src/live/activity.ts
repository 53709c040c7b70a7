// The newest changes of items, as they came, for whoever shows what is going on.

import { type Signal, signal } from "@preact/signals";
import type { ChangeFrame } from "../protocol/frames";
import { type Item, items } from "./stock";

const MOST = 200;

/** Newest first. */
export const activity: Signal<readonly ChangeFrame<Item>[]> = signal([]);

export function startActivity(): void {
  items.listen((changes) => {
    activity.value = [...changes.slice(-MOST)].reverse().concat(activity.value).slice(0, MOST);
  });
}
