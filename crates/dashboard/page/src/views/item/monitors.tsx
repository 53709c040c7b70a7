// The monitors that watch the item, live, and a way to a new one.

import { Link } from "wouter-preact";
import { may } from "../../api/session";
import { t } from "../../i18n";
import { type Item, type Monitor, monitors } from "../../live/stock";
import { Icon } from "../../ui/icon";
import { conditionText } from "../monitors/sentence";
import { SeverityBadge } from "../notifications/severity";
import { watches } from "./watches";

const STATE = { running: "good", paused: "warning", stopped: "" } as const;

export function Watching({ item, deleted }: { item: Item; deleted: boolean }) {
  const { rows, freshness } = monitors.state.value;
  const found = [...rows.values()].filter((monitor) => watches(monitor, item, deleted));
  return (
    <section class="card stack" aria-labelledby="monitors">
      <div class="row spread">
        <h2 id="monitors">{t("item.monitors")}</h2>
        {may("monitors") && !deleted && (
          <Link class="button small" href={`/monitors/new?item=${item.id}`}>
            <Icon name="add" />
            {t("item.new_monitor")}
          </Link>
        )}
      </div>
      {found.length === 0 && <p class="quiet">{freshness === "empty" ? t("common.loading") : t("item.no_monitors")}</p>}
      <ul class="lines">
        {found.map((monitor) => (
          <Line key={monitor.id} monitor={monitor} />
        ))}
      </ul>
    </section>
  );
}

function Line({ monitor }: { monitor: Monitor }) {
  return (
    <li class="row" data-monitor={monitor.id}>
      <div class="grow">
        <Link href={`/monitors/${monitor.id}`}>{monitor.name}</Link>
        <div class="quiet">{conditionText(monitor.condition, monitor.measure)}</div>
      </div>
      <SeverityBadge severity={monitor.severity} />
      <span class={`badge ${STATE[monitor.state]}`}>{t(`monitors.state_${monitor.state}`)}</span>
    </li>
  );
}
