// What the page follows, and the connection that it comes by: items, notifications, monitors, and who else is here.

import { computed, type ReadonlySignal } from "@preact/signals";
import type { components } from "../api/schema.gen";
import { lasts, renew } from "../api/session";
import { Connection } from "./connection";
import { Topic } from "./topics";

export type Item = components["schemas"]["Item"];
export type Monitor = components["schemas"]["Monitor"];
export type Notification = components["schemas"]["Notification"];
export type Person = components["schemas"]["Person"] & { readonly id: number; readonly version: number };

export const items = new Topic<Item>("items");
export const notifications = new Topic<Notification>("notifications");
export const monitors = new Topic<Monitor>("monitors");
export const people = new Topic<Person>("presence");

const one = new Map<number, ReadonlySignal<Item | undefined>>();

/** An item as it is now. Whoever shows it is drawn anew when it changes, and not when others do. */
export function itemOf(id: number): Item | undefined {
  let found = one.get(id);
  if (found === undefined) {
    found = computed(() => items.state.value.rows.get(id));
    one.set(id, found);
  }
  return found.value;
}

/** Whoever wants to be notified in the background says so here. The answer takes it back. */
const staying = new Set<() => boolean>();

export function stayConnectedIf(wanted: () => boolean): () => void {
  staying.add(wanted);
  return () => staying.delete(wanted);
}

export const connection = new Connection({
  topics: [items, notifications, monitors, people] as unknown as readonly Topic<never>[],
  renew,
  lasts,
  staysWhenHidden: () => [...staying].some((wanted) => wanted()),
});
