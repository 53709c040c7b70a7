// One notification of the history, with what can be done about it.

import { useState } from "preact/hooks";
import { Link } from "wouter-preact";
import { api, good } from "../../api/client";
import { may } from "../../api/session";
import { t } from "../../i18n";
import { ago, moment } from "../../i18n/format";
import { nameOf } from "../../live/actors";
import type { Notification } from "../../live/stock";
import { Button } from "../../ui/button";
import { now } from "../../ui/clock";
import { amount, conditionText } from "../monitors/sentence";
import { Acknowledge } from "./acknowledge";
import { failed } from "../../ui/trouble";
import { addressOf } from "./filters";
import { isRead, mark } from "./inbox";
import { MuteDialog } from "./mute";
import { NO_FILTER } from "./arrivals";
import { SeverityBadge } from "./severity";

export function Card({ notification }: { notification: Notification }) {
  const read = isRead(notification);
  const { id, item_id: item, item_name: name, item_sku: sku, monitor_id: monitor } = notification;
  return (
    <li class={`card notification ${read ? "" : "unread"}`}>
      <div class="row">
        <SeverityBadge severity={notification.severity} />
        {!read && <span class="badge good">{t("notifications.unread")}</span>}
        {notification.muted && <span class="badge">{t("notifications.was_muted")}</span>}
        <time class="quiet" dateTime={notification.created_at} title={moment(notification.created_at)}>
          {ago(notification.created_at, now.value)}
        </time>
        <span class="quiet number">#{id}</span>
      </div>
      <p class="notification-message">{notification.message}</p>
      <p class="quiet">
        <Link href={`/items/${item}`}>{name}</Link>
        {sku !== null && ` (${sku})`} · <Link href={`/monitors/${monitor}`}>{notification.monitor_name}</Link> ·{" "}
        {conditionText(notification.condition, notification.measure)}
        {notification.value !== null && ` · ${values(notification)}`}
      </p>
      <Acknowledged notification={notification} />
      <Actions notification={notification} read={read} />
    </li>
  );
}

function values({ value, previous_value: before }: Notification): string {
  if (value === null) return "";
  return before === null ? amount(value) : `${amount(before)} → ${amount(value)}`;
}

function Acknowledged({ notification }: { notification: Notification }) {
  const { acknowledged_at: at, acknowledged_by: by, note } = notification;
  if (at === null) return null;
  return (
    <p class="notice">
      {t("notifications.acknowledged_by", { who: nameOf(by ?? "") })} · <time dateTime={at}>{moment(at)}</time>
      {note !== null && <span class="notification-note">{note}</span>}
    </p>
  );
}

function Actions({ notification, read }: { notification: Notification; read: boolean }) {
  const [open, setOpen] = useState<"acknowledge" | "mute">();
  const { id } = notification;
  const isAcknowledged = notification.acknowledged_at !== null;
  const takeBack = (): void => {
    good(api.DELETE("/api/v1/notifications/{id}/acknowledge", { params: { path: { id } } })).catch(failed);
  };
  return (
    <div class="row">
      <Button small icon={read ? "mail" : "check"} onClick={() => mark(id, !read).catch(failed)}>
        {read ? t("notifications.mark_unread") : t("notifications.mark_read")}
      </Button>
      {may("stock") && (
        <Button small icon={isAcknowledged ? "edit" : "user"} onClick={() => setOpen("acknowledge")}>
          {isAcknowledged ? t("notifications.change_note") : t("notifications.acknowledge")}
        </Button>
      )}
      {may("stock") && isAcknowledged && (
        <Button small icon="undo" onClick={takeBack}>
          {t("notifications.take_back")}
        </Button>
      )}
      {may("monitors") && (
        <Button small icon="pause" onClick={() => setOpen("mute")}>
          {t("notifications.mute")}
        </Button>
      )}
      <Link href={addressOf({ ...NO_FILTER, item: notification.item_id })} class="button small plain">
        {t("notifications.of_this_item")}
      </Link>
      {open === "acknowledge" && <Acknowledge notification={notification} onClose={() => setOpen(undefined)} />}
      {open === "mute" && <MuteDialog notification={notification} onClose={() => setOpen(undefined)} />}
    </div>
  );
}
