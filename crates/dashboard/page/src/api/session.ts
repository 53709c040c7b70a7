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

interface Answer {
  readonly status: number;
  readonly body: Partial<Me> & { readonly logout_reason?: LogoutReason };
}

async function ask(method: "GET" | "POST", path: string): Promise<Answer> {
  const token = csrfToken();
  const headers: Record<string, string> = method === "POST" && token !== undefined ? { "X-CSRF-Token": token } : {};
  const response = await fetch(path, { method, headers, cache: "no-store", credentials: "same-origin" });
  const body = (await response.json().catch(() => ({}))) as Answer["body"];
  if (response.status >= 500 || response.status === 429) throw new Error(`${path} answered ${response.status}`);
  return { status: response.status, body };
}

/** Asks who is here, with a renewal if that is needed. Says why nobody is. Throws if the service can't be reached. */
export async function load(): Promise<LogoutReason | "signed_out" | undefined> {
  let answer = await ask("GET", ME);
  if (answer.status === 401) {
    const reason = answer.body.logout_reason;
    const renewed = await refresh();
    if (renewed !== undefined) {
      current.value = null;
      return reason ?? renewed;
    }
    answer = await ask("GET", ME);
  }
  current.value = answer.status === 200 ? (answer.body as Me) : null;
  return answer.status === 200 ? undefined : (answer.body.logout_reason ?? "signed_out");
}

/** Whether the login lasts for the moment, as far as the clock here can tell. */
export function lasts(): boolean {
  const ends = me.peek()?.expires_at;
  return ends == null || Date.parse(ends) > Date.now();
}

let renewal: Promise<LogoutReason | "signed_out" | undefined> | undefined;

/** Renews the login, once for all who ask at the same time. Says why it has ended, if it has. */
export function renew(): Promise<LogoutReason | "signed_out" | undefined> {
  renewal ??= exclusively(async () => {
    // Another tab may have been faster.
    const answer = await ask("GET", ME);
    const expires = answer.body.expires_at;
    const lasts = typeof expires === "string" ? Date.parse(expires) - Date.now() > FRESH : true;
    if (answer.status === 200 && lasts) {
      current.value = answer.body as Me;
      return undefined;
    }
    const ended = await refresh();
    if (ended !== undefined) return answer.body.logout_reason ?? ended;
    return load();
  }).finally(() => {
    renewal = undefined;
  });
  return renewal;
}

async function refresh(): Promise<LogoutReason | "signed_out" | undefined> {
  const answer = await ask("POST", REFRESH);
  return answer.status === 200 ? undefined : (answer.body.logout_reason ?? "signed_out");
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
