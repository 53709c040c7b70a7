// From items to the text of a file (RFC 4180), such that the import reads the same again.

import type { Item } from "../../../live/stock";
import { attributeHeader } from "./fields";
import { guard } from "./formula";

/** A field of an item, or `attributes.` and the name of an attribute. */
export type Column = string;

export const COLUMNS = [
  "id",
  "sku",
  "name",
  "description",
  "quantity",
  "unit",
  "price",
  "reorder_point",
  "version",
  "created_at",
  "updated_at",
] as const;
const ATTRIBUTE = "attributes.";

export interface WriteOptions {
  /** Spreadsheets need it to see that it is UTF-8. */
  readonly bom: boolean;
  /** Texts that a spreadsheet would run get an apostrophe. */
  readonly guards: boolean;
}

/** The columns that items have: the fields, and each attribute that one of them has. */
export function columnsOf(items: Iterable<Item>): readonly Column[] {
  const names = new Set<string>();
  for (const { attributes } of items) for (const name of Object.keys(attributes)) names.add(name);
  return [...COLUMNS, ...[...names].sort().map((name) => ATTRIBUTE + name)];
}

function attribute(item: Item, name: string): unknown {
  return Object.hasOwn(item.attributes, name) ? (item.attributes as Record<string, unknown>)[name] : undefined;
}

/** A cell of text is the text; where something else stands, or a text that would look like none, all cells are JSON. */
function needsJson(items: readonly Item[], name: string): boolean {
  return items.some((item) => {
    const value = attribute(item, name);
    return value !== undefined && (typeof value !== "string" || value.trim() === "");
  });
}

export function quote(cell: string): string {
  return /[",\r\n]|^\s|\s$/.test(cell) ? `"${cell.replaceAll('"', '""')}"` : cell;
}

export function line(cells: readonly string[]): string {
  return `${cells.map(quote).join(",")}\r\n`;
}

type Cell = (item: Item) => string;

function cellOf(items: readonly Item[], column: Column, text: (text: string) => string): readonly [string, Cell] {
  if (column.startsWith(ATTRIBUTE)) {
    const name = column.slice(ATTRIBUTE.length);
    const isJson = needsJson(items, name);
    const cell = (item: Item): string => {
      const value = attribute(item, name);
      if (value === undefined) return "";
      return !isJson && typeof value === "string" ? text(value) : JSON.stringify(value);
    };
    return [attributeHeader(name, isJson), cell];
  }
  const field = column as keyof Item;
  return [
    column,
    (item) => {
      const value = item[field];
      return typeof value === "string" ? text(value) : typeof value === "number" ? String(value) : "";
    },
  ];
}

export function toCsv(items: readonly Item[], columns: readonly Column[], { bom, guards }: WriteOptions): string {
  const text = guards ? guard : (text: string): string => text;
  const cells = columns.map((column) => cellOf(items, column, text));
  const lines = [line(cells.map(([header]) => header))];
  for (const item of items) lines.push(line(cells.map(([, cell]) => cell(item))));
  return (bom ? "\ufeff" : "") + lines.join("");
}
