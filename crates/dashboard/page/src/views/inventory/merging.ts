// Two people edit one item: what each of them changed, and which fields both did. Nobody's value is given up without a word.

import type { Item } from "../../live/stock";
import { attributeOf, type Field, isAttribute, sameValue, type Value, valueIn } from "./fields";

/** What somebody wants to change, field by field; `null` empties one. */
export type Wishes = ReadonlyMap<Field, Value>;

export interface Conflict {
  readonly field: Field;
  readonly mine: Value;
  readonly theirs: Value;
}

/** The fields that aren't any more what they were when they were touched, and that are wished otherwise. */
export function conflicts(bases: ReadonlyMap<Field, Value>, now: Item, wishes: Wishes): readonly Conflict[] {
  const found: Conflict[] = [];
  for (const [field, mine] of wishes) {
    const theirs = valueIn(now, field);
    if (!sameValue(bases.get(field) ?? null, theirs) && !sameValue(theirs, mine)) found.push({ field, mine, theirs });
  }
  return found;
}

export interface Patch {
  name?: string;
  sku?: string | null;
  description?: string | null;
  quantity?: number;
  unit?: string;
  price?: string | null;
  reorder_point?: number | null;
  attributes?: Record<string, unknown>;
}

/** The patch that makes the wishes true for the item. Attributes are written whole: those of the item stay. */
export function patchOf(item: Item, wishes: Wishes): Patch {
  const patch: Record<string, unknown> = {};
  let attributes: Map<string, unknown> | undefined;
  for (const [field, wished] of wishes) {
    if (!isAttribute(field)) {
      if (!sameValue(valueIn(item, field), wished)) patch[field] = wished;
      continue;
    }
    if (sameValue(valueIn(item, field), wished)) continue;
    attributes ??= new Map(Object.entries(item.attributes));
    if (wished === null) attributes.delete(attributeOf(field));
    else attributes.set(attributeOf(field), wished);
  }
  // Made of entries: an attribute may have any name, `__proto__` too.
  if (attributes !== undefined) patch.attributes = Object.fromEntries(attributes);
  return patch;
}

/** The fields in which an item differs from what it was. */
export function changedFields(previous: Partial<Item>, now: Item): readonly Field[] {
  const found: Field[] = [];
  for (const key of Object.keys(previous)) {
    if (key === "attributes") {
      const names = new Set([...Object.keys(previous.attributes ?? {}), ...Object.keys(now.attributes)]);
      for (const name of names) found.push(`attributes.${name}`);
    } else if (key !== "version" && key !== "updated_at") {
      found.push(key as Field);
    }
  }
  return found.filter((field) => !sameValue(valueIn(previous, field), valueIn(now, field)));
}
