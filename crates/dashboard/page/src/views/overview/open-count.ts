// How many notifications nobody has seen to, by severity: the service's count, and the live changes behind it.

import type { components } from "../../api/schema.gen";
import type { Notification } from "../../live/stock";
import type { ChangeFrame } from "../../protocol/frames";

export type Count = components["schemas"]["NotificationCount"];

function isOpen({ muted, acknowledged_at }: Pick<Notification, "muted" | "acknowledged_at">): boolean {
  return !muted && acknowledged_at === null;
}

/** The count behind a change. */
export function countAfter(count: Count, change: ChangeFrame<Notification>): Count {
  const { data, previous, type } = change;
  const isNew = type === "create" || type === "notification";
  const before = isNew ? undefined : { ...data, ...previous };
  const severity = data?.severity ?? previous?.severity;
  if (severity === undefined) return count;
  const was = before?.muted !== undefined && before.acknowledged_at !== undefined && isOpen(before as Notification);
  const by = Number(data !== null && isOpen(data)) - Number(was);
  if (by === 0) return count;
  return {
    ...count,
    total: Math.max(0, count.total + by),
    [severity]: Math.max(0, count[severity] + by),
  };
}
