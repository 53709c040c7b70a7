// The rows that failed as a file: as they were, with their errors, to be mended and imported again.

import { line } from "./csv/write";
import { guard, unguard } from "./csv/formula";
import type { Settings } from "./csv/prepare";
import type { Table } from "./csv/read";
import type { RowResult } from "./run";

/** What the two added columns are called; the import ignores them. */
const ADDED = ["line in the file", "errors"];
const ADDED_BEFORE: ReadonlySet<string> = new Set(ADDED);

export function failedCsv(
  table: Table,
  results: readonly RowResult[],
  settings: Settings,
  tell: (result: RowResult) => string,
): string {
  // An apostrophe that the import takes off must be there again; one that it leaves was part of the text.
  const same = (cell: string): string => (settings.unguards ? guard(unguard(cell)) : cell);
  const kept = table.headers.flatMap((header, column) => (ADDED_BEFORE.has(header) ? [] : [column]));
  const lines = [line([...kept.map((column) => table.headers[column] ?? ""), ...ADDED])];
  for (const result of results) {
    const { row } = result.prepared;
    const cells = kept.map((column) => {
      const cell = row.cells[column] ?? "";
      return settings.targets[column]?.startsWith("json:") ? cell : same(cell);
    });
    lines.push(line([...cells, String(row.line), guard(tell(result))]));
  }
  return `\ufeff${lines.join("")}`;
}
