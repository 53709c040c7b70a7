// Sends prepared rows in batches, one after the other, and collects what became of each. The service being busy is waited for;
// anything else that goes wrong stops the run, and what is done stays.

import { type ApiProblem, asProblem } from "../../api/client";
import type { components } from "../../api/schema.gen";
import type { Fault, Fields, Prepared, Settings } from "./csv/prepare";

export type BatchBody = components["schemas"]["ItemBatch"];
export type BatchReport = components["schemas"]["BatchReport"];
export type Outcome = components["schemas"]["BatchOutcome"] | "not_done" | "unknown";

export interface RowResult {
  readonly prepared: Prepared;
  readonly outcome: Outcome;
  readonly id: number | null;
  readonly changed: readonly string[];
  readonly faults: readonly Fault[];
}

export interface Progress {
  readonly done: number;
  readonly total: number;
  /** The service asked to wait, in seconds; 0 if it didn't. */
  readonly waits: number;
}

export interface Finished {
  readonly results: readonly RowResult[];
  readonly end: "finished" | "cancelled" | ApiProblem;
}

/** What a run needs of its surroundings. */
export interface Surroundings {
  readonly send: (body: BatchBody) => Promise<BatchReport>;
  /** The attributes that an item has now: those of a row are put among them. */
  readonly attributesOf: (fields: Fields) => Readonly<Record<string, unknown>>;
  readonly wait: (seconds: number) => Promise<void>;
  readonly isCancelled: () => boolean;
  readonly onProgress: (progress: Progress) => void;
}

export const MOST_ROWS = 1000;
/** Below what the service takes at once, in characters, of which one may be three bytes. */
const MOST_CHARACTERS = 2_000_000;
const MOST_TRIES = 10;
const LONGEST_WAIT = 60;
const BUSY: ReadonlySet<number> = new Set([429, 503]);

type BatchRow = BatchBody["rows"][number];

function toRow({ fields, attributes }: Prepared, around: Surroundings): BatchRow {
  if (attributes.size === 0) return fields as BatchRow;
  const merged: Record<string, unknown> = { ...around.attributesOf(fields) };
  for (const [name, value] of attributes) {
    if (value === undefined) Reflect.deleteProperty(merged, name);
    else Object.defineProperty(merged, name, { value, enumerable: true, configurable: true, writable: true });
  }
  return { ...fields, attributes: merged } as BatchRow;
}

/** As many rows from `start` on as fit into a request. */
function take(rows: readonly Prepared[], start: number, around: Surroundings): BatchRow[] {
  const batch: BatchRow[] = [];
  let characters = 0;
  for (const prepared of rows.slice(start, start + MOST_ROWS)) {
    const row = toRow(prepared, around);
    characters += JSON.stringify(row).length;
    if (batch.length > 0 && characters > MOST_CHARACTERS) break;
    batch.push(row);
  }
  return batch;
}

/** The column that a pointer such as `/rows/3/quantity` is about. */
function columnOf(pointer: string, { targets }: Settings): number | undefined {
  const [field = "", name = ""] = pointer
    .replace(/^\/rows\/\d+/, "")
    .split("/")
    .slice(1);
  const exact = targets.findIndex(
    (target) => target === field || target === `text:${name}` || target === `json:${name}`,
  );
  const place = exact >= 0 || field !== "attributes" ? exact : targets.findIndex((target) => target.includes(":"));
  return place < 0 ? undefined : place;
}

async function sendPatiently(body: BatchBody, around: Surroundings, waits: (seconds: number) => void) {
  for (let tries = 1; ; tries += 1) {
    try {
      return await around.send(body);
    } catch (error) {
      const problem = asProblem(error);
      if (!BUSY.has(problem.status) || tries === MOST_TRIES) throw problem;
      const seconds = Math.min(problem.retryAfter ?? 2 ** (tries - 1), LONGEST_WAIT);
      waits(seconds);
      await around.wait(seconds);
      if (around.isCancelled()) return undefined;
    }
  }
}

export async function run(
  rows: readonly Prepared[],
  settings: Settings,
  dryRun: boolean,
  around: Surroundings,
): Promise<Finished> {
  const results = new Map<Prepared, RowResult>();
  const set = (prepared: Prepared, outcome: Outcome, rest?: Partial<RowResult>): void => {
    results.set(prepared, { prepared, outcome, id: null, changed: [], faults: prepared.faults, ...rest });
  };
  for (const row of rows) set(row, row.faults.length > 0 ? "failed" : "not_done");
  const good = rows.filter(({ faults }) => faults.length === 0);
  const finish = (end: Finished["end"]): Finished => ({ results: [...results.values()], end });
  const tell = (done: number, waits: number): void => around.onProgress({ done, total: good.length, waits });
  for (let start = 0; start < good.length;) {
    if (around.isCancelled()) return finish("cancelled");
    tell(start, 0);
    const batch = take(good, start, around);
    const sent = good.slice(start, start + batch.length);
    const { match, onMissing: on_missing, onPresent: on_present } = settings;
    const body: BatchBody = { rows: batch, match, on_missing, on_present, dry_run: dryRun };
    let report: BatchReport | undefined;
    try {
      report = await sendPatiently(body, around, (seconds) => tell(start, seconds));
    } catch (error) {
      const problem = asProblem(error);
      // Without an answer nobody knows whether it was done.
      const isUnknown = !dryRun && (problem.status === 0 || problem.status >= 500);
      if (isUnknown) for (const prepared of sent) set(prepared, "unknown");
      return finish(problem);
    }
    if (report === undefined) return finish("cancelled");
    for (const { row, outcome, id, changed, errors } of report.results) {
      const prepared = sent[row];
      if (prepared === undefined) continue;
      const faults = errors.map(({ pointer, detail }): Fault => ({
        column: columnOf(pointer, settings),
        text: detail,
      }));
      set(prepared, outcome, { id: id ?? null, changed, faults });
    }
    start += batch.length;
    tell(start, 0);
  }
  return finish("finished");
}
