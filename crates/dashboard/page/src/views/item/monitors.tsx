// The monitors that watch the item, and a way to a new one.

import { useEffect } from "preact/hooks";
import { Link } from "wouter-preact";
import { api, good } from "../../api/client";
import { may } from "../../api/session";
import { t } from "../../i18n";
import { type Monitor, monitors } from "../../live/stock";
import { Icon } from "../../ui/icon";
import { useReading } from "../../ui/reading";
import { Trouble } from "../../ui/trouble";

const MOST = 200;
/** Changes of monitors come in bursts when several are started or stopped at once: so long is waited, in milliseconds. */
const SETTLE = 1000;
const SEVERITY = { info: "info", warning: "warning", critical: "danger" } as const;
const STATE = { running: "good", paused: "warning", stopped: "" } as const;

async function watching(id: number): Promise<readonly Monitor[]> {
  const query = { item_id: id, limit: MOST };
  return (await good(api.GET("/api/v1/monitors", { params: { query } }))).data;
}

export function Watching({ id, deleted }: { id: number; deleted: boolean }) {
  const reading = useReading(() => watching(id));
  useEffect(() => {
    // Which of them watch this item is for the service to say.
    let timer: number | undefined;
    const unlisten = monitors.listen(() => {
      clearTimeout(timer);
      timer = setTimeout(() => reading.read(), SETTLE) as unknown as number;
    });
    return () => {
      unlisten();
      clearTimeout(timer);
    };
  }, [reading]);
  const found = reading.value.value;
  const problem = reading.problem.value;
  return (
    <section class="card stack" aria-labelledby="monitors">
      <div class="row spread">
        <h2 id="monitors">{t("item.monitors")}</h2>
        {may("monitors") && !deleted && (
          <Link class="button small" href={`/monitors/new?item=${id}`}>
            <Icon name="add" />
            {t("item.new_monitor")}
          </Link>
        )}
      </div>
      {problem !== undefined && <Trouble problem={problem} again={reading.read} />}
      {found?.length === 0 && <p class="quiet">{t("item.no_monitors")}</p>}
      {found !== undefined && found.length > 0 && (
        <ul class="lines">
          {found.map((monitor) => (
            <Line key={monitor.id} monitor={monitors.state.value.rows.get(monitor.id) ?? monitor} />
          ))}
        </ul>
      )}
    </section>
  );
}

function Line({ monitor }: { monitor: Monitor }) {
  return (
    <li class="row spread">
      <Link href={`/monitors/${monitor.id}`} class="grow">
        {monitor.name}
      </Link>
      <span class="quiet">{t(`item.${monitor.measure}`)}</span>
      <span class={`badge ${SEVERITY[monitor.severity]}`}>{t(`item.${monitor.severity}`)}</span>
      <span class={`badge ${STATE[monitor.state]}`}>{t(`item.${monitor.state}`)}</span>
    </li>
  );
}
