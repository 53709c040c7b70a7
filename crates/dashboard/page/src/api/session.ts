// Who is signed in here, and how that is kept up: the cookies are renewed before they end, by one tab at a time, and whoever
// asks with a cookie that has ended gets a new one first.

import { type ReadonlySignal, type Signal, signal } from "@preact/signals";
import type { LogoutReason } from "../protocol/frames";
import type { components } from "./schema.gen";

export type Me = components["schemas"]["Me"];
export type Permission = components["schemas"]["Permission"];

/** `undefined` until it was asked, `null` if nobody is signed in. */
const current: Signal<Me | null | undefined> = signal(undefined);
export const me: ReadonlySignal<Me | null | undefined> = current;

/** Whether it is known that whoever is here has no login: a visitor. */
export function isVisitor(): boolean {
  return me.value != null && me.value.login == null;
}

/** Whether whoever is here may do it. */
export function may(permission: Permission): boolean {
  return me.value?.permissions.includes(permission) ?? false;
}

/** The secret that shows that a change was asked for by this page. */
export function csrfToken(): string | undefined {
  return me.peek()?.csrf_token ?? undefined;
}

const ME = "/api/v1/me";
const REFRESH = "/api/v1/sessions/refresh";
/** A token that lasts so much longer needs no renewal, in milliseconds: another tab has just done it. */
const FRESH = 90_000;
/** Who isn't answered within so many milliseconds isn't answered: other tabs wait for the one that asks. */
const PATIENCE = 15_000;
/** The pauses between attempts to learn who is here grow from the one to the other, in milliseconds. */
const FIRST_PAUSE = 1000;
const LONGEST_PAUSE = 10_000;

/** Why nobody is signed in. */
export type Over = LogoutReason | "signed_out";

interface Answer {
  readonly isGood: boolean;
  readonly body: Partial<Me> & { readonly logout_reason?: LogoutReason };
}

/** Only these two say anything about the login: whatever else comes is from a service in trouble, or from another one. */
const GOOD = 200;
const UNAUTHENTICATED = 401;

async function ask(method: "GET" | "POST", path: string): Promise<Answer> {
  const token = csrfToken();
  const headers: Record<string, string> = method === "POST" && token !== undefined ? { "X-CSRF-Token": token } : {};
  const signal = AbortSignal.timeout(PATIENCE);
  const response = await fetch(path, { method, headers, cache: "no-store", credentials: "same-origin", signal });
  if (response.status !== GOOD && response.status !== UNAUTHENTICATED) {
    throw new Error(`${path} answered ${response.status}`);
  }
  const isGood = response.status === GOOD;
  const body = (await response.json().catch(() => ({}))) as Answer["body"];
  if (isGood && path === ME && !Array.isArray(body.permissions)) throw new Error(`${path} didn't say who is here`);
  return { isGood, body };
}

/** Asks who is here, with a renewal if that is needed. Says why nobody is. Throws if the service can't be reached. */
export async function load(): Promise<Over | undefined> {
  const answer = await ask("GET", ME);
  if (answer.isGood) {
    current.value = answer.body as Me;
    return undefined;
  }
  const ended = await renew();
  if (ended !== undefined) current.value = null;
  return ended;
}

/** The same, again and again until there is an answer; `failed` is told of each attempt without one. */
export async function loadPatiently(failed: () => void): Promise<Over | undefined> {
  for (let pause = FIRST_PAUSE; ; pause = Math.min(2 * pause, LONGEST_PAUSE)) {
    try {
      return await load();
    } catch {
      failed();
      await new Promise((resolve) => setTimeout(resolve, pause * (0.5 + Math.random() / 2)));
    }
  }
}

/** Whether the login lasts for the moment, as far as the clock here can tell. */
export function lasts(): boolean {
  const ends = me.peek()?.expires_at;
  return ends == null || Date.parse(ends) > Date.now();
}

let renewal: Promise<Over | undefined> | undefined;

/** Renews the login, once for all who ask at the same time. Says why it has ended, if it has. */
export function renew(): Promise<Over | undefined> {
  renewal ??= exclusively(async () => {
    // Another tab may have been faster.
    const before = await ask("GET", ME);
    const expires = before.body.expires_at;
    const isFresh = typeof expires === "string" ? Date.parse(expires) - Date.now() > FRESH : true;
    if (before.isGood && isFresh) {
      current.value = before.body as Me;
      return undefined;
    }
    const refreshed = await ask("POST", REFRESH);
    if (!refreshed.isGood) return before.body.logout_reason ?? refreshed.body.logout_reason ?? "signed_out";
    const after = await ask("GET", ME);
    if (!after.isGood) return after.body.logout_reason ?? "signed_out";
    current.value = after.body as Me;
    return undefined;
  }).finally(() => {
    renewal = undefined;
  });
  return renewal;
}

/** A refresh token is good for one time, and all tabs have the same. */
async function exclusively<T>(act: () => Promise<T>): Promise<T> {
  // There only where the page came by TLS, or from this machine.
  if (!("locks" in navigator)) return act();
  return await navigator.locks.request("stockwire-login", act);
}

/** Whoever was here is signed out. */
export function forget(): void {
  current.value = null;
}
