// Which items are wanted, and in which order: searched words, filters, the sort. It is written into the address, so that it
// can be shared, and read from there.

import type { Item } from "../../live/stock";
import { type Column, isColumn } from "./columns";
import { fieldOfAttribute, textOf, valueIn } from "./fields";

export const LEVELS = ["low", "out", "no_price"] as const;
/** What the stock is like. */
export type Level = (typeof LEVELS)[number];
/** How lately something changed, with its length in milliseconds. */
export const SPANS = { "15m": 900_000, "1h": 3_600_000, "24h": 86_400_000, "7d": 604_800_000 } as const;
export type Span = keyof typeof SPANS;

export interface Query {
  readonly search: string;
  readonly levels: readonly Level[];
  readonly changed: Span | undefined;
  /** Attributes that must have these values, as texts. */
  readonly attributes: readonly { readonly name: string; readonly value: string }[];
  readonly sort: { readonly column: Column; readonly descending: boolean };
}

export const EVERYTHING: Query = {
  search: "",
  levels: [],
  changed: undefined,
  attributes: [],
  sort: { column: "name", descending: false },
};

function isSpan(text: string | null): text is Span {
  return text !== null && Object.hasOwn(SPANS, text);
}

/** What an address asks for. What makes no sense is left out. */
export function readQuery(address: string): Query {
  const given = new URLSearchParams(address);
  const changed = given.get("changed");
  const sort = given.get("sort") ?? "";
  const column = sort.replace(/^-/, "");
  const attributes = given.getAll("attribute").flatMap((text) => {
    const [, name, value] = /^((?:[^:\\]|\\.)+):(.*)$/s.exec(text) ?? [];
    return name === undefined || value === undefined ? [] : [{ name: name.replace(/\\(.)/g, "$1"), value }];
  });
  return {
    search: given.get("q") ?? "",
    levels: LEVELS.filter((level) => given.getAll("show").includes(level)),
    changed: isSpan(changed) ? changed : undefined,
    attributes,
    sort: isColumn(column) ? { column, descending: sort.startsWith("-") } : EVERYTHING.sort,
  };
}

/** The query of an address that asks for the same; empty for everything in the usual order. */
export function writeQuery(query: Query): string {
  const given = new URLSearchParams();
  if (query.search.trim() !== "") given.set("q", query.search);
  for (const level of query.levels) given.append("show", level);
  if (query.changed !== undefined) given.set("changed", query.changed);
  for (const { name, value } of query.attributes)
    given.append("attribute", `${name.replace(/[:\\]/g, "\\$&")}:${value}`);
  const { column, descending } = query.sort;
  if (column !== EVERYTHING.sort.column || descending) given.set("sort", `${descending ? "-" : ""}${column}`);
  return given.toString();
}

/** Whether anything is left out. */
export function isFiltered(query: Query): boolean {
  return (
    query.search.trim() !== "" || query.levels.length > 0 || query.changed !== undefined || query.attributes.length > 0
  );
}

/** A text as it is searched: without case, accents, and differences of width. */
export function fold(text: string): string {
  const plain = text.normalize("NFKD").replace(/[\u0300-\u036f]/g, "");
  return plain.normalize("NFC").toLowerCase();
}

const folded = new WeakMap<Item, string>();

/** Everything of an item that is searched, folded once: an item that changes is another object. */
function haystack(item: Item): string {
  let text = folded.get(item);
  if (text === undefined) {
    const attributes = Object.entries(item.attributes).map(([name, value]) => `${name} ${textOf(value)}`);
    text = fold([item.name, item.sku ?? "", item.description ?? "", ...attributes].join("\n"));
    folded.set(item, text);
  }
  return text;
}

export function isLow(item: Item): boolean {
  return item.reorder_point !== null && item.quantity <= item.reorder_point;
}

function hasLevel(item: Item, level: Level): boolean {
  if (level === "low") return isLow(item);
  return level === "out" ? item.quantity === 0 : item.price === null;
}

/** What decides whether an item is wanted. `now` is the clock in milliseconds. */
export function matcher(query: Query, now: number): (item: Item) => boolean {
  const words = fold(query.search).split(/\s+/).filter(Boolean);
  const since = query.changed === undefined ? undefined : now - SPANS[query.changed];
  const attributes = query.attributes.map(({ name, value }) => ({ field: fieldOfAttribute(name), value }));
  return (item) =>
    query.levels.every((level) => hasLevel(item, level)) &&
    (since === undefined || Date.parse(item.updated_at) >= since) &&
    attributes.every(({ field, value }) => textOf(valueIn(item, field)) === value) &&
    words.every((word) => haystack(item).includes(word));
}
