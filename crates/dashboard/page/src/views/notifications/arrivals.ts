// Which notifications are new, and what is said of them. Pure, so that it can be tested.

import type { ChangeFrame } from "../../protocol/frames";
import type { Notification } from "../../live/stock";

/** A notification that is new, with the place in the log where it came to be. */
export interface Arrival {
  readonly notification: Notification;
  readonly position: number;
}

/**
 * The new ones among changes. A later state may come instead of the first one: it is news, too, if its notification is newer
 * than whatever was there before. What is muted is none.
 */
export function arrivals(changes: readonly ChangeFrame<Notification>[], newestBefore: number): readonly Arrival[] {
  const found = new Map<number, Arrival>();
  for (const { type, data, position } of changes) {
    if (type === "delete" || data === null || data.muted) continue;
    const known = found.get(data.id);
    const isNew = known !== undefined || data.id > newestBefore;
    if (isNew) found.set(data.id, { notification: data, position: known?.position ?? position });
  }
  return [...found.values()];
}

/** The greatest id of those that are not among the changes; 0 if there are none. */
export function newestBefore(held: Iterable<Notification>, changes: readonly ChangeFrame<Notification>[]): number {
  const changed = new Set(changes.map((change) => change.id));
  let newest = 0;
  for (const { id } of held) if (id > newest && !changed.has(id)) newest = id;
  return newest;
}

/** What is said of new ones: each by itself, or how many there are. */
export type Saying =
  | { readonly kind: "one"; readonly notification: Notification }
  | { readonly kind: "several"; readonly count: number; readonly critical: number };

/** So many are told one by one. */
export const MOST_SINGLE = 2;

export function sayings(arrived: readonly Arrival[]): readonly Saying[] {
  if (arrived.length <= MOST_SINGLE) return arrived.map(({ notification }) => ({ kind: "one", notification }));
  const critical = arrived.filter(({ notification }) => notification.severity === "critical").length;
  return [{ kind: "several", count: arrived.length, critical }];
}

/** What a list of notifications is narrowed down to. */
export interface Filter {
  readonly item?: number | undefined;
  readonly monitor?: number | undefined;
  readonly severities: readonly Notification["severity"][];
  readonly unread: boolean;
  readonly acknowledged?: boolean | undefined;
  /** Instants, in RFC 3339. */
  readonly since?: string | undefined;
  readonly until?: string | undefined;
}

export const NO_FILTER: Filter = { severities: [], unread: false };

/** Whether a notification that came live belongs to the list. */
export function matches(filter: Filter, notification: Notification, isRead: boolean): boolean {
  const { item, monitor, severities, unread, acknowledged, since, until } = filter;
  const at = Date.parse(notification.created_at);
  return (
    (item === undefined || notification.item_id === item) &&
    (monitor === undefined || notification.monitor_id === monitor) &&
    (severities.length === 0 || severities.includes(notification.severity)) &&
    (!unread || !isRead) &&
    (acknowledged === undefined || (notification.acknowledged_at !== null) === acknowledged) &&
    (since === undefined || at >= Date.parse(since)) &&
    (until === undefined || at < Date.parse(until))
  );
}
