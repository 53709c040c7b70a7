// From the rows of a file to the rows of a request: cells become values, and what can't is said with its column.

import { CLEARABLE, type Field, NUMBERS, type Target } from "./fields";
import { unguard } from "./formula";
import { isAmbiguous, type NumberFormat, readPrice, readWhole } from "./numbers";
import type { Row, Table } from "./read";

export type Match = "sku" | "id";

/** How cells are read, and what becomes of the rows. */
export interface Settings {
  readonly targets: readonly Target[];
  /** How numbers are written; undefined until that was chosen, if it must be. */
  readonly numbers: NumberFormat | undefined;
  /** What an empty cell means. */
  readonly empty: "keep" | "clear";
  /** Takes the apostrophe off that an export has put before a formula. */
  readonly unguards: boolean;
  readonly match: Match;
  readonly onMissing: "create" | "skip" | "fail";
  readonly onPresent: "update" | "skip" | "fail";
  readonly reason: string;
}

export type FaultCode = "whole" | "price" | "json" | "id" | "cells" | "twice" | "no_key";

/** What is wrong with a row: in our words, or in those of the service. */
export type Fault =
  | { readonly column: number | undefined; readonly code: FaultCode; readonly value: string }
  | { readonly column: number | undefined; readonly text: string };

export type Fields = Partial<Record<Field, string | number | null>>;

export interface Prepared {
  readonly row: Row;
  readonly fields: Fields;
  /** What becomes of attributes; undefined takes one away. */
  readonly attributes: ReadonlyMap<string, unknown>;
  readonly faults: readonly Fault[];
}

/** Whether it must be chosen how numbers are written. */
export function needsNumberFormat(table: Table, targets: readonly Target[]): boolean {
  const columns = targets.flatMap((target, column) => (NUMBERS.has(target) ? [column] : []));
  return table.rows.some(({ cells }) => columns.some((column) => isAmbiguous(cells[column] ?? "")));
}

/** What keeps the columns from being used as they are. */
export function wrongTargets({ targets, match }: Settings): "twice" | "no_sku" | "no_id" | "nothing" | undefined {
  const used = targets.filter((target) => target !== "ignore");
  const names = used.map((target) => target.replace(/^(text|json):/, "attributes."));
  if (new Set(names).size < names.length) return "twice";
  if (match === "sku" && !used.includes("sku")) return "no_sku";
  if (match === "id" && !used.includes("id")) return "no_id";
  return used.some((target) => target !== "sku" && target !== "id") ? undefined : "nothing";
}

/** One row in the making. */
class Reader {
  readonly fields: Fields = {};
  readonly attributes = new Map<string, unknown>();
  readonly faults: Fault[] = [];

  constructor(private readonly settings: Settings) {}

  take(target: Target, raw: string, column: number): void {
    const { empty, unguards } = this.settings;
    const cell = unguards && !NUMBERS.has(target) && !target.startsWith("json:") ? unguard(raw) : raw;
    const mark = target.indexOf(":");
    if (mark > 0) this.attribute(target.slice(0, mark), target.slice(mark + 1), cell, column);
    else if (cell.trim() === "") {
      if (empty === "clear" && CLEARABLE.has(target)) this.fields[target as Field] = null;
    } else this.field(target as Field, cell, column);
  }

  private attribute(kind: string, name: string, cell: string, column: number): void {
    if (cell.trim() === "") {
      if (this.settings.empty === "clear") this.attributes.set(name, undefined);
    } else if (kind === "text") this.attributes.set(name, cell);
    else {
      try {
        this.attributes.set(name, JSON.parse(cell));
      } catch {
        this.faults.push({ column, code: "json", value: cell });
      }
    }
  }

  private field(field: Field, cell: string, column: number): void {
    const format = this.settings.numbers ?? "1234.56";
    let value: string | number | undefined;
    let code: FaultCode = "whole";
    if (field === "price") [value, code] = [readPrice(cell, format), "price"];
    else if (NUMBERS.has(field)) value = readWhole(cell, format);
    // Spaces around a description may be meant.
    else value = field === "description" ? cell : cell.trim();
    if (field === "id" && value === 0) value = undefined;
    if (field === "id") code = "id";
    if (value === undefined) this.faults.push({ column, code, value: cell });
    else this.fields[field] = value;
  }
}

function prepareRow(row: Row, settings: Settings): Prepared {
  const reader = new Reader(settings);
  for (const [column, target] of settings.targets.entries()) {
    if (target !== "ignore") reader.take(target, row.cells[column] ?? "", column);
  }
  const more = row.cells.slice(settings.targets.length).filter((cell) => cell.trim() !== "");
  if (more.length > 0) reader.faults.push({ column: undefined, code: "cells", value: more.join(", ") });
  return { row, fields: reader.fields, attributes: reader.attributes, faults: reader.faults };
}

/** All rows. One that is about the same item as an earlier one fails, and so does one that names none. */
export function* preparing(rows: readonly Row[], settings: Settings): Generator<Prepared> {
  const { match } = settings;
  const column = settings.targets.indexOf(match);
  const seen = new Map<string | number, number>();
  for (const row of rows) {
    const prepared = prepareRow(row, settings);
    const key = prepared.fields[match];
    const isRead = prepared.faults.some((fault) => fault.column === column);
    const earlier = key == null ? undefined : seen.get(key);
    if (earlier !== undefined) yield withFault(prepared, { column, code: "twice", value: String(earlier) });
    // A row without an id is about a new item.
    else if (key == null && match === "sku" && !isRead)
      yield withFault(prepared, { column, code: "no_key", value: "" });
    else yield prepared;
    if (key != null && earlier === undefined) seen.set(key, row.line);
  }
}

function withFault(prepared: Prepared, fault: Fault): Prepared {
  return { ...prepared, faults: [...prepared.faults, fault] };
}

/** So many rows are prepared before the page may draw. */
const PIECE = 4000;

export async function prepareInPieces(rows: readonly Row[], settings: Settings): Promise<Prepared[]> {
  const done: Prepared[] = [];
  for (const prepared of preparing(rows, settings)) {
    done.push(prepared);
    if (done.length % PIECE === 0) await new Promise((resolve) => setTimeout(resolve));
  }
  return done;
}
