// How many notifications are unread, and which. The service is asked once; from then on what comes live is counted here, and
// it is asked again when something may have been missed, or was read in another window.

import { computed, effect, type ReadonlySignal, type Signal, signal } from "@preact/signals";
import { api, good } from "../../api/client";
import { connection, type Notification, notifications } from "../../live/stock";
import { type Arrival, arrivals, newestBefore } from "./arrivals";

export interface Unread {
  readonly total: number;
  readonly critical: number;
  /** There may be older ones that weren't counted. */
  readonly more: boolean;
}

const counted: Signal<Unread | undefined> = signal(undefined);
export const unread: ReadonlySignal<Unread | undefined> = counted;

interface Marks {
  readonly upTo: number;
  readonly one: ReadonlyMap<number, boolean>;
}

/** What is known of what was read: live documents don't say. */
const marks: Signal<Marks> = signal({ upTo: 0, one: new Map() });

export function isRead(notification: Notification): boolean {
  const { upTo, one } = marks.value;
  return one.get(notification.id) ?? (notification.muted || notification.id <= upTo);
}

/** Takes over what lists say about what was read. */
export function learn(documents: readonly Notification[]): void {
  const one = new Map(marks.peek().one);
  for (const { id, read } of documents) one.set(id, read);
  marks.value = { ...marks.peek(), one };
}

/** The newest ones, as far as the stream has them. */
export const newest: ReadonlySignal<readonly Notification[]> = computed(() =>
  [...notifications.state.value.rows.values()].sort((one, other) => other.id - one.id).slice(0, 200),
);

/** A later state of a notification, if the stream has it. */
export function current(notification: Notification): Notification {
  const live = notifications.state.value.rows.get(notification.id);
  return live !== undefined && live.version > notification.version ? live : notification;
}

export async function mark(id: number, read: boolean): Promise<void> {
  const params = { params: { path: { id } } };
  const path = "/api/v1/notifications/{id}/read" as const;
  await good(read ? api.POST(path, params) : api.DELETE(path, params));
  const one = new Map(marks.peek().one).set(id, read);
  marks.value = { ...marks.peek(), one };
  told();
}

/** Marks everything up to the newest one that is known here; what comes meanwhile stays unread. */
export async function markAllRead(): Promise<void> {
  const upTo = newest.peek()[0]?.id;
  if (upTo === undefined) return;
  await good(api.POST("/api/v1/notifications/read", { body: { up_to: upTo } }));
  const one = new Map([...marks.peek().one].filter(([id]) => id > upTo));
  marks.value = { upTo, one };
  told();
}

/** Tells the other windows of this browser, and counts anew. */
function told(): void {
  others?.postMessage("read");
  void count();
}

const AGAIN_AFTER = 10_000;
const REMEMBERED = 500;
let others: BroadcastChannel | undefined;
let counting: Promise<void> | undefined;
let countAgain = false;
let retry: number | undefined;
let recent: readonly Arrival[] = [];

/** Asks how many there are, one request at a time. */
async function count(): Promise<void> {
  countAgain = counting !== undefined;
  if (counting !== undefined) return;
  clearTimeout(retry);
  counting = ask();
  await counting;
  counting = undefined;
  if (countAgain) void count();
}

async function ask(): Promise<void> {
  try {
    const summary = await good(api.GET("/api/v1/notifications/summary"));
    if (others === undefined) return;
    // What has come behind the moment that the answer shows isn't in it.
    const later = recent.filter((arrival) => arrival.position > summary.as_of.position);
    counted.value = summed(summary.unread, later);
  } catch {
    // Whatever keeps it from answering is told elsewhere; the count comes when it can be had.
    if (others !== undefined) retry = setTimeout(() => void count(), AGAIN_AFTER) as unknown as number;
  }
}

function summed(before: Unread, arrived: readonly Arrival[]): Unread {
  const critical = arrived.filter(({ notification }) => notification.severity === "critical").length;
  return { total: before.total + arrived.length, critical: before.critical + critical, more: before.more };
}

/** Follows the stream; `arrived` is told of what is new, unless it was only caught up. The answer calls it off. */
export function startInbox(arrived: (arrived: readonly Arrival[]) => void): () => void {
  others = new BroadcastChannel("stockwire-notifications");
  others.onmessage = () => void count();
  const unlisten = notifications.listen((changes, live) => {
    const found = arrivals(changes, newestBefore(notifications.state.peek().rows.values(), changes));
    if (found.length === 0) return;
    recent = [...recent, ...found].slice(-REMEMBERED);
    const before = counted.peek();
    if (before !== undefined) counted.value = summed(before, found);
    if (live) arrived(found);
    else void count();
  });
  // Whenever everything is live again, something may have been read elsewhere.
  const kind = computed(() => connection.status.value.kind);
  const uneffect = effect(() => {
    if (kind.value === "live") void count();
  });
  const shown = (): void => {
    if (document.visibilityState === "visible") void count();
  };
  document.addEventListener("visibilitychange", shown);
  return () => {
    unlisten();
    uneffect();
    document.removeEventListener("visibilitychange", shown);
    others?.close();
    others = undefined;
    // Somebody else may come next.
    clearTimeout(retry);
    recent = [];
    counted.value = undefined;
    marks.value = { upTo: 0, one: new Map() };
  };
}
