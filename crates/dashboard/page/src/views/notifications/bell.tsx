// The bell in the bar: how many notifications are unread, and the newest of them in a panel.

import { useEffect, useId, useRef, useState } from "preact/hooks";
import { Link } from "wouter-preact";
import { ApiProblem, api, good } from "../../api/client";
import { t } from "../../i18n";
import { ago, moment } from "../../i18n/format";
import type { Notification } from "../../live/stock";
import { Button } from "../../ui/button";
import { now } from "../../ui/clock";
import { Icon } from "../../ui/icon";
import { failed } from "../../ui/trouble";
import { current, isRead, learn, mark, markAllRead, newest, unread } from "./inbox";
import "./notifications.css";
import { SeverityBadge } from "./severity";
import { startTelling } from "./tell";

const MOST_SHOWN = 8;
const MOST_COUNTED = 99;

export function Bell() {
  const id = useId();
  const anchor = useRef<HTMLSpanElement>(null);
  const panel = useRef<HTMLDivElement>(null);
  const [isOpen, setOpen] = useState(false);
  useEffect(startTelling, []);
  const count = unread.value?.total ?? 0;
  const isMore = unread.value?.more ?? false;

  const toggled = (event: ToggleEvent): void => {
    setOpen(event.newState === "open");
    if (event.newState !== "open" || panel.current === null || anchor.current === null) return;
    const at = anchor.current.getBoundingClientRect();
    const left = Math.min(at.right, innerWidth - 8) - panel.current.offsetWidth;
    panel.current.style.left = `${Math.max(8, left)}px`;
    panel.current.style.top = `${at.bottom + 4}px`;
    panel.current.focus();
  };

  return (
    <span ref={anchor} class="bell">
      <Button
        kind="plain"
        icon="bell"
        label={count > 0 ? t("notifications.bell", { count }) : t("notifications.title")}
        aria-expanded={isOpen}
        {...{ popovertarget: id }}
      />
      {count > 0 && (
        <span class={`bell-count ${(unread.value?.critical ?? 0) > 0 ? "critical" : ""}`} aria-hidden="true">
          {count > MOST_COUNTED || isMore ? `${MOST_COUNTED}+` : count}
        </span>
      )}
      <div
        ref={panel}
        id={id}
        class="menu bell-panel"
        popover="auto"
        role="dialog"
        aria-label={t("notifications.title")}
        tabIndex={-1}
        onToggle={toggled}
      >
        {isOpen && <Panel close={() => panel.current?.hidePopover()} />}
      </div>
    </span>
  );
}

function Panel({ close }: { close: () => void }) {
  const [problem, setProblem] = useState<string>();
  useEffect(() => {
    // The stream doesn't say what was read.
    good(api.GET("/api/v1/notifications", { params: { query: { limit: 50 } } })).then(
      (page) => learn(page.data),
      (error: unknown) => setProblem(error instanceof ApiProblem ? error.text : String(error)),
    );
  }, []);
  const shown = newest.value.slice(0, MOST_SHOWN);
  return (
    <>
      <div class="bell-head">
        <strong>{t("notifications.title")}</strong>
        <Button small icon="check" disabled={unread.value?.total === 0} onClick={() => markAllRead().catch(failed)}>
          {t("notifications.mark_all_read")}
        </Button>
      </div>
      {problem !== undefined && <p class="notice danger">{problem}</p>}
      {shown.length === 0 ? (
        <p class="empty">{t("notifications.none_yet")}</p>
      ) : (
        <ul class="bell-list">
          {shown.map((notification) => (
            <li key={notification.id}>
              <Line notification={current(notification)} close={close} />
            </li>
          ))}
        </ul>
      )}
      <Link href="/notifications" class="menu-item bell-all" onClick={close}>
        {t("notifications.show_all")}
      </Link>
    </>
  );
}

function Line({ notification, close }: { notification: Notification; close: () => void }) {
  const read = isRead(notification);
  const follow = (): void => {
    close();
    if (!read) mark(notification.id, true).catch(failed);
  };
  return (
    <Link href={`/items/${notification.item_id}`} class={`bell-line ${read ? "" : "unread"}`} onClick={follow}>
      <span class="row spread">
        <SeverityBadge severity={notification.severity} />
        <time class="quiet" dateTime={notification.created_at} title={moment(notification.created_at)}>
          {ago(notification.created_at, now.value)}
        </time>
      </span>
      <span class="bell-text">
        {!read && <span class="hidden">{t("notifications.unread")} </span>}
        {notification.message}
      </span>
      {notification.acknowledged_at !== null && (
        <span class="quiet">
          <Icon name="check" /> {t("notifications.acknowledged")}
        </span>
      )}
    </Link>
  );
}
