// The import that is being prepared, under way or done. It outlives the view: whoever looks elsewhere meanwhile finds it again.

import { batch, type Signal, signal } from "@preact/signals";
import { api, good, reasonHeader } from "../../api/client";
import { type Item, items } from "../../live/stock";
import { decode, type Encoding, MOST_BYTES, type Undecoded } from "./csv/decode";
import { guess } from "./csv/fields";
import { type Fields, prepareInPieces, type Settings } from "./csv/prepare";
import { type Delimiter, readTable, type Table, type Unreadable } from "./csv/read";
import { type BatchBody, type BatchReport, type Finished, type Progress, run } from "./run";

export interface Source {
  readonly name: string;
  readonly bytes: Uint8Array;
  readonly encoding: Encoding;
}

export type FileFault = { readonly wrong: Undecoded | Unreadable["wrong"]; readonly line: number } | undefined;
export type Stage = "file" | "reading" | "columns" | "previewing" | "preview" | "importing" | "done";

export const stage: Signal<Stage> = signal("file");
/** What was chosen, also if it can't be read as it was tried. */
export const source: Signal<Source | undefined> = signal(undefined);
export const fault: Signal<FileFault> = signal(undefined);
export const table: Signal<Table | undefined> = signal(undefined);
export const settings: Signal<Settings> = signal(fresh([]));
export const progress: Signal<Progress> = signal({ done: 0, total: 0, waits: 0 });
export const finished: Signal<Finished | undefined> = signal(undefined);
let cancelled = false;
/** Reading takes a while; whoever chooses again meanwhile wants only that. */
let reading = 0;

function fresh(targets: Settings["targets"]): Settings {
  return {
    targets,
    numbers: undefined,
    empty: "keep",
    unguards: true,
    match: targets.includes("sku") || !targets.includes("id") ? "sku" : "id",
    onMissing: "create",
    onPresent: "update",
    reason: "",
  };
}

export function change(some: Partial<Settings>): void {
  settings.value = { ...settings.value, ...some };
}

export function startAnew(): void {
  reading += 1;
  batch(() => {
    stage.value = "file";
    source.value = fault.value = table.value = finished.value = undefined;
  });
}

export function backToColumns(): void {
  stage.value = "columns";
  finished.value = undefined;
}

/** Reads the file that was chosen, in the encoding and with the delimiter that were, if any. */
export async function read(name: string, bytes: Uint8Array, encoding?: Encoding, delimiter?: Delimiter): Promise<void> {
  reading += 1;
  const mine = reading;
  batch(() => {
    stage.value = "reading";
    fault.value = undefined;
    source.value = { name, bytes, encoding: encoding ?? "utf-8" };
  });
  const decoded = decode(bytes, encoding);
  const result = typeof decoded === "string" ? { wrong: decoded, line: 0 } : await readTable(decoded.text, delimiter);
  if (mine !== reading) return;
  batch(() => {
    if (typeof decoded !== "string") source.value = { name, bytes, encoding: decoded.encoding };
    if ("wrong" in result) {
      fault.value = result;
      table.value = undefined;
      stage.value = "file";
    } else {
      table.value = result;
      settings.value = { ...fresh(guess(result.headers)), reason: settings.value.reason };
      stage.value = "columns";
    }
  });
}

export async function readFile(file: File): Promise<void> {
  // Nobody wants to have read it to be told.
  if (file.size > MOST_BYTES) {
    startAnew();
    fault.value = { wrong: "too_large", line: 0 };
    return;
  }
  await read(file.name, new Uint8Array(await file.arrayBuffer()));
}

export function cancel(): void {
  cancelled = true;
}

/** Items by what rows are matched by, as they are now. */
function finder(match: Settings["match"]): (fields: Fields) => Item | undefined {
  if (match === "id") return ({ id }) => items.state.peek().rows.get(Number(id));
  const bySku = new Map<string, Item>();
  for (const item of items.state.peek().rows.values()) if (item.sku !== null) bySku.set(item.sku, item);
  return ({ sku }) => {
    const known = bySku.get(String(sku));
    return known === undefined ? undefined : items.state.peek().rows.get(known.id);
  };
}

async function start(dryRun: boolean): Promise<void> {
  const rows = table.value?.rows;
  if (rows === undefined) return;
  cancelled = false;
  batch(() => {
    stage.value = dryRun ? "previewing" : "importing";
    progress.value = { done: 0, total: rows.length, waits: 0 };
  });
  const chosen = settings.value;
  const prepared = await prepareInPieces(rows, chosen);
  const find = finder(chosen.match);
  const send = (body: BatchBody): Promise<BatchReport> => {
    const header = reasonHeader(chosen.reason);
    return good(api.POST("/api/v1/items/batch", { params: { header }, body }));
  };
  const end = await run(prepared, chosen, dryRun, {
    send,
    attributesOf: (fields) => find(fields)?.attributes ?? {},
    wait: patiently,
    isCancelled: () => cancelled,
    onProgress: (now) => {
      progress.value = now;
    },
  });
  batch(() => {
    finished.value = dryRun && end.end === "cancelled" ? undefined : end;
    stage.value = dryRun ? (end.end === "cancelled" ? "columns" : "preview") : "done";
  });
}

/** Waits, and no longer once it is cancelled. */
async function patiently(seconds: number): Promise<void> {
  const until = Date.now() + seconds * 1000;
  while (Date.now() < until && !cancelled) await new Promise((resolve) => setTimeout(resolve, 200));
}

export const preview = (): Promise<void> => start(true);
export const importAll = (): Promise<void> => start(false);
