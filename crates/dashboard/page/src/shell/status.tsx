// How the connection is, honestly: live only while everything that was committed is here. Whatever else is shown then, says
// as of when.

import { computed } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { t } from "../i18n";
import { clock } from "../i18n/format";
import type { Status } from "../live/connection";
import { connection } from "../live/stock";
import { Button } from "../ui/button";
import { now } from "../ui/clock";
import { announce } from "../ui/toasts";

function text(status: Status): string {
  switch (status.kind) {
    case "live":
      if (status.transport === "events") return t("connection.live_by_events");
      return status.transport === "poll" ? t("connection.live_by_poll") : t("connection.live");
    case "reconnecting": {
      const seconds = Math.ceil((status.until - now.value) / 1000);
      return seconds > 0 ? t("connection.reconnecting_in", { seconds }) : t("connection.reconnecting");
    }
    case "ended":
      return status.reason === "broken" ? t("connection.broken") : t("connection.ended");
    default:
      return t(`connection.${status.kind}`);
  }
}

/** A countdown is no news: only the kind is read out. */
const kind = computed(() => connection.status.value.kind);

export function StatusPill() {
  const status = connection.status.value;
  useEffect(() => {
    if (kind.value !== "connecting") announce(text(connection.status.peek()));
  }, [kind.value]);
  return (
    <span class="status" data-kind={status.kind} data-transport={status.kind === "live" ? status.transport : undefined}>
      <span class="dot" />
      {text(status)}
    </span>
  );
}

/** Says above every view that what is shown may have changed since. */
export function StaleBar() {
  const status = connection.status.value;
  if (status.kind === "live" || status.kind === "connecting") return null;
  // Nothing is shown any more.
  if (status.kind === "ended" && status.reason !== "broken") return null;
  const since = connection.lastLive.value;
  const shown = since === undefined ? t("connection.nothing_yet") : t("connection.stale", { time: clock(since) });
  return (
    <div class="stale-bar">
      <span>{shown}</span>
      {(status.kind === "reconnecting" || status.kind === "offline") && (
        <Button small onClick={() => connection.retry()}>
          {t("connection.retry")}
        </Button>
      )}
    </div>
  );
}
