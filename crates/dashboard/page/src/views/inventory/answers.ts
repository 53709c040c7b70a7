// What the API answered to this page's own changes and the stream hasn't said yet. Shown until the stream is as far, so that
// nothing falls back for a moment; without a connection it is all there is.

import { type Signal, signal } from "@preact/signals";
import { connection, type Item, items } from "../../live/stock";

interface Answer {
  readonly version: number;
  /** Nothing if it was deleted. */
  readonly item: Item | undefined;
  readonly at: number;
}

/** The stream is slower than this only if it will never say it. In milliseconds. */
const PATIENCE = 10_000;

export const answers: Signal<ReadonlyMap<number, Answer>> = signal(new Map());

/** Changes of this page by item and version, to tell them from those of others. */
const own = new Set<string>();
const underWay = new Map<number, number>();

/** Whether the stream is as far as the answer. */
function isSaid(id: number, answer: Answer): boolean {
  const row = items.state.peek().rows.get(id);
  return answer.item === undefined
    ? (row?.version ?? answer.version) >= answer.version
    : (row?.version ?? 0) >= answer.version;
}

function keep(id: number, answer: Answer): void {
  // The stream may have been faster.
  if (isSaid(id, answer)) return;
  own.add(`${id}:${answer.version}`);
  answers.value = new Map(answers.peek()).set(id, answer);
}

export function answered(item: Item): void {
  keep(item.id, { version: item.version, item, at: Date.now() });
}

/** It was deleted when it had this version. */
export function answeredDeleted(id: number, version: number): void {
  keep(id, { version: version + 1, item: undefined, at: Date.now() });
}

/** Runs a change of an item, so that its frame is known as this page's own, should it come before the answer. */
export async function changing<T>(id: number, act: () => Promise<T>): Promise<T> {
  underWay.set(id, (underWay.get(id) ?? 0) + 1);
  try {
    return await act();
  } finally {
    const left = (underWay.get(id) ?? 1) - 1;
    if (left === 0) underWay.delete(id);
    else underWay.set(id, left);
  }
}

/** Whether a change was made by this page. */
export function isOwn(id: number, version: number): boolean {
  return own.delete(`${id}:${version}`) || underWay.has(id);
}

/** Lets go of what the stream has said, or will never say. The answer: the ids. */
export function settle(): readonly number[] {
  const held = answers.peek();
  if (held.size === 0) return [];
  const live = connection.status.peek().kind === "live";
  const settled = [...held].filter(([id, answer]) => {
    return isSaid(id, answer) || (live && Date.now() - answer.at > PATIENCE);
  });
  if (settled.length === 0) return [];
  const left = new Map(held);
  for (const [id] of settled) left.delete(id);
  answers.value = left;
  return settled.map(([id]) => id);
}

/** Somebody deleted it after what was answered. */
export function overtaken(id: number, version: number): void {
  if ((answers.peek().get(id)?.version ?? version) >= version) return;
  const left = new Map(answers.peek());
  left.delete(id);
  answers.value = left;
}

/** The item as far as this page knows it. */
export function effective(id: number): Item | undefined {
  const row = items.state.peek().rows.get(id);
  const answer = answers.peek().get(id);
  return answer !== undefined && answer.version > (row?.version ?? 0) ? answer.item : row;
}
