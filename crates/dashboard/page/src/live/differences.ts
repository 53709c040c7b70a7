// What a change changed, field by field, old and new: for whoever shows changes to people.

import type { components } from "../api/schema.gen";
import type { Item } from "./stock";

export type OldValues = components["schemas"]["OldValues"];

/** What happened to the item. A deleted one that comes back is restored: only its first version creates it. */
export type Event = "created" | "updated" | "deleted" | "restored";

const FIELDS = ["name", "sku", "quantity", "unit", "price", "reorder_point", "description"] as const;
export type Field = (typeof FIELDS)[number];
export type Value = string | number | null;

/** One field, or one of the integrator's own; `undefined` where there was or is none. */
export type Difference =
  | { readonly kind: "field"; readonly field: Field; readonly before: Value | undefined; readonly after: Value }
  | { readonly kind: "attribute"; readonly name: string; readonly before: unknown; readonly after: unknown };

export function eventOf(operation: string, version: number): Event {
  if (operation === "delete") return "deleted";
  if (operation === "create") return version === 1 ? "created" : "restored";
  return "updated";
}

/** The fields that an update changed, and what a new item began with. */
export function differences(event: Event, data: Item | null, previous: OldValues | null): Difference[] {
  if (data === null || event === "deleted" || event === "restored") return [];
  const found: Difference[] = [];
  for (const field of FIELDS) {
    const after = data[field];
    if (previous === null) {
      if (after !== null) found.push({ kind: "field", field, before: undefined, after });
    } else if (field in previous) {
      found.push({ kind: "field", field, before: previous[field], after });
    }
  }
  if (previous === null) return [...found, ...attributeDifferences({}, data.attributes)];
  if (previous.attributes === undefined) return found;
  return [...found, ...attributeDifferences(previous.attributes, data.attributes)];
}

function attributeDifferences(before: Record<string, unknown>, after: Record<string, unknown>): Difference[] {
  const names = new Set([...Object.keys(before), ...Object.keys(after)]);
  return [...names]
    .filter((name) => JSON.stringify(before[name]) !== JSON.stringify(after[name]))
    .sort()
    .map((name) => ({ kind: "attribute", name, before: before[name], after: after[name] }));
}
