// The buttons that add one and take one. Quick steps become one adjustment, which is shown at once as not yet confirmed.

import { type Signal, signal } from "@preact/signals";
import { showProblem } from "./saving";
import { adjustItem } from "./writing";

/** Steps within so many milliseconds are one change. */
const TOGETHER = 500;

interface Waiting {
  by: number;
  timer: number;
}

const waiting = new Map<number, Waiting>();
/** By how much quantities will change that isn't confirmed yet. */
export const unconfirmed: Signal<ReadonlyMap<number, number>> = signal(new Map());

function count(id: number, by: number): void {
  const now = new Map(unconfirmed.peek());
  const sum = (now.get(id) ?? 0) + by;
  if (sum === 0 && !waiting.has(id)) now.delete(id);
  else now.set(id, sum);
  unconfirmed.value = now;
}

export function stepQuantity(id: number, by: number): void {
  const before = waiting.get(id);
  clearTimeout(before?.timer);
  const timer = setTimeout(() => void send(id), TOGETHER) as unknown as number;
  waiting.set(id, { by: (before?.by ?? 0) + by, timer });
  count(id, by);
}

async function send(id: number): Promise<void> {
  const step = waiting.get(id);
  waiting.delete(id);
  if (step === undefined) return;
  clearTimeout(step.timer);
  try {
    if (step.by !== 0) await adjustItem(id, step.by);
  } catch (error) {
    showProblem(error);
  } finally {
    count(id, -step.by);
  }
}

/** Sends at once what is still collected: the page may be left. */
export function sendSteps(): void {
  for (const id of [...waiting.keys()]) void send(id);
}
