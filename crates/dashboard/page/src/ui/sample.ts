// What changes many times a second, looked at once a second: within a computed signal or a component.

import { untracked } from "@preact/signals";
import { now } from "./clock";

/** What `read` finds now, found again with each second, however often what it reads changes. */
export function sample<T>(read: (at: number) => T): T {
  const at = now.value;
  return untracked(() => read(at));
}
