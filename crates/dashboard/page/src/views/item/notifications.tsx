// The latest notifications about the item: read once, and kept up live.

import { useComputed } from "@preact/signals";
import { Link } from "wouter-preact";
import { api, good } from "../../api/client";
import { t } from "../../i18n";
import { moment } from "../../i18n/format";
import { type Notification, notifications } from "../../live/stock";
import { useReading } from "../../ui/reading";
import { Trouble } from "../../ui/trouble";
import { SeverityBadge } from "../notifications/severity";

const MOST = 8;

/** The newest of both, each once, as it is now. */
export function newest(read: readonly Notification[], live: Iterable<Notification>, most: number): Notification[] {
  const all = new Map(read.map((one) => [one.id, one]));
  for (const one of live) if ((all.get(one.id)?.version ?? 0) <= one.version) all.set(one.id, one);
  return [...all.values()].sort((one, other) => other.id - one.id).slice(0, most);
}

export function Told({ id }: { id: number }) {
  const reading = useReading(async () => {
    const query = { item_id: id, limit: MOST };
    return (await good(api.GET("/api/v1/notifications", { params: { query } }))).data;
  });
  const shown = useComputed(() => {
    const live = [...notifications.state.value.rows.values()].filter((one) => one.item_id === id);
    return newest(reading.value.value ?? [], live, MOST);
  });
  const problem = reading.problem.value;
  const known = reading.value.value !== undefined;
  return (
    <section class="card stack" aria-labelledby="told">
      <div class="row spread">
        <h2 id="told">{t("item.notifications")}</h2>
        <Link href={`/notifications?item=${id}`}>{t("item.all_notifications")}</Link>
      </div>
      {problem !== undefined && <Trouble problem={problem} again={reading.read} />}
      {known && shown.value.length === 0 && <p class="quiet">{t("item.no_notifications")}</p>}
      <ul class="lines">
        {shown.value.map((one) => (
          <li key={one.id} class="row">
            <SeverityBadge severity={one.severity} />
            <span class="grow">{one.message}</span>
            {one.acknowledged_at !== null && <span class="badge">{t("item.acknowledged")}</span>}
            <time class="quiet" dateTime={one.created_at}>
              {moment(one.created_at)}
            </time>
          </li>
        ))}
      </ul>
    </section>
  );
}
