// The time as a signal, for texts such as "3 minutes ago" and countdowns: one timer for the whole page, and none while it is
// hidden.

import { type ReadonlySignal, type Signal, signal } from "@preact/signals";

const current: Signal<number> = signal(Date.now());

/** Now, in milliseconds, once a second. */
export const now: ReadonlySignal<number> = current;

export function startClock(): void {
  setInterval(() => {
    if (document.visibilityState === "visible") current.value = Date.now();
  }, 1000);
}
