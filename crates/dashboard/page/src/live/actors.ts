// Names for who did something: `user:7` is "Mara", `key:3` is "till". Whoever isn't known is asked for, at most once in a
// while; until then, and for writers that have no account, the actor is shown as it is.

import { type Signal, signal } from "@preact/signals";
import { api, good } from "../api/client";
import { me } from "../api/session";

const ASK_EVERY = 30_000;
const names: Signal<ReadonlyMap<string, string>> = signal(new Map());
let askedAt = Number.NEGATIVE_INFINITY;
const NAMED = /^(user|key|source):\d+$/;

/** The name of an actor. */
export function nameOf(actor: string): string {
  const name = names.value.get(actor);
  if (name === undefined && NAMED.test(actor)) ask();
  return name ?? actor;
}

/** Whether it was done by whoever uses this page. */
export function isMe(actor: string): boolean {
  return me.value?.actor === actor;
}

function ask(): void {
  if (performance.now() - askedAt < ASK_EVERY) return;
  askedAt = performance.now();
  readAll().catch(() => {});
}

export function forgetNames(): void {
  names.value = new Map();
}

async function readAll(): Promise<void> {
  const found = new Map<string, string>();
  let after: string | undefined;
  do {
    const query = { limit: 200, ...(after !== undefined && { after }) };
    const page = await good(api.GET("/api/v1/actors", { params: { query } }));
    for (const { actor, name } of page.data) found.set(actor, name);
    after = page.next_cursor ?? undefined;
  } while (after !== undefined);
  names.value = found;
}
