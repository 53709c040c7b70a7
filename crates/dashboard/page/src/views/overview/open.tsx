// The notifications that nobody has seen to, by severity.

import { useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { Link } from "wouter-preact";
import { api, good } from "../../api/client";
import { t } from "../../i18n";
import { whole } from "../../i18n/format";
import { type Notification, notifications } from "../../live/stock";
import type { ChangeFrame } from "../../protocol/frames";
import { useReading } from "../../ui/reading";
import { Trouble } from "../../ui/trouble";
import { SeverityBadge } from "../notifications/severity";
import { countAfter } from "./open-count";

const SEVERITIES = ["critical", "warning", "info"] as const;
/** So many live changes are kept for a count that is still on its way. */
const MOST = 2000;

export function Open() {
  const reading = useReading(() => good(api.GET("/api/v1/notifications/summary")));
  const live = useSignal<readonly ChangeFrame<Notification>[]>([]);
  useEffect(
    () =>
      notifications.listen((changes) => {
        const summary = reading.value.value;
        if (summary === undefined || live.value.length < MOST) {
          live.value = [...live.value, ...changes].slice(-MOST);
        } else {
          live.value = [];
          void reading.read();
        }
      }),
    [reading],
  );
  const problem = reading.problem.value;
  const summary = reading.value.value;
  const count =
    summary &&
    live.value
      .filter((change) => change.position > summary.as_of.position)
      .reduce((before, change) => countAfter(before, change), summary.unacknowledged);
  return (
    <section class="card stack" aria-labelledby="open">
      <div class="row spread">
        <h2 id="open">{t("overview.open")}</h2>
        <Link href="/notifications">{t("overview.all_notifications")}</Link>
      </div>
      {problem !== undefined && <Trouble problem={problem} again={reading.read} />}
      {count !== undefined && (
        <ul class="lines">
          {SEVERITIES.map((severity) => (
            <li key={severity} class="row spread" data-severity={severity}>
              <Link href={`/notifications?severity=${severity}&acknowledged=false`}>
                <SeverityBadge severity={severity} />
              </Link>
              <strong class="number">
                {whole(count[severity])}
                {count.more ? "+" : ""}
              </strong>
            </li>
          ))}
        </ul>
      )}
    </section>
  );
}
