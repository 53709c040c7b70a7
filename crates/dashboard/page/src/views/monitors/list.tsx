// All monitors, live, with how many items each has raised now.

import { useCallback, useEffect } from "preact/hooks";
import { Link } from "wouter-preact";
import { api, good } from "../../api/client";
import type { components } from "../../api/schema.gen";
import { may } from "../../api/session";
import { t } from "../../i18n";
import { ago, moment, whole } from "../../i18n/format";
import { type Monitor, monitors, notifications } from "../../live/stock";
import { now } from "../../ui/clock";
import { Icon } from "../../ui/icon";
import { SeverityBadge } from "../notifications/severity";
import { allOf, useAsked } from "./asked";
import { itemName } from "./names";
import { RunAll, RunButtons, StateBadge } from "./run";
import { conditionText, scopeText } from "./sentence";
import { troubleText } from "../../ui/trouble";

type Line = components["schemas"]["MonitorLine"];
type Evaluation = components["schemas"]["Evaluation"];

const STATUS_EVERY = 5000;
/** The evaluation is told to lag from so many seconds on. */
const LAGS = 5;

interface Status {
  readonly lines: ReadonlyMap<number, Line>;
  readonly evaluation: Evaluation | undefined;
}

/** How all monitors do. */
export async function readStatus(): Promise<Status> {
  let evaluation: Evaluation | undefined;
  const lines = await allOf(async (query) => {
    const page = await good(api.GET("/api/v1/monitors/status", { params: { query } }));
    evaluation = page.evaluation;
    return page;
  });
  return { lines: new Map(lines.map((line) => [line.monitor_id, line])), evaluation };
}

/** How all monitors do, kept up while it is shown. */
export function useStatus() {
  const status = useAsked(readStatus, STATUS_EVERY);
  const { again } = status;
  useEffect(() => {
    const offNotifications = notifications.listen((changes) => {
      if (changes.some((change) => change.type === "notification")) again();
    });
    const offMonitors = monitors.listen(again);
    return () => {
      offNotifications();
      offMonitors();
    };
  }, [again]);
  return status;
}

export function MonitorList() {
  const status = useStatus();
  const known = [...monitors.state.value.rows.values()].sort((one, other) => one.id - other.id);
  const line = useCallback((id: number) => status.value?.lines.get(id), [status.value]);
  const behind = status.value?.evaluation?.seconds_behind ?? 0;
  return (
    <>
      <div class="row spread">
        <h1>{t("monitors.title")}</h1>
        {may("monitors") && (
          <div class="row">
            <RunAll />
            <Link href="/monitors/new" class="button primary">
              <Icon name="add" />
              {t("monitors.new")}
            </Link>
          </div>
        )}
      </div>
      {status.problem !== undefined && <p class="notice danger">{troubleText(status.problem)}</p>}
      {behind >= LAGS && <p class="notice warning">{t("monitors.behind", { seconds: whole(behind) })}</p>}
      {known.length === 0 ? (
        <p class="empty">{monitors.state.value.freshness === "empty" ? t("common.loading") : t("monitors.none_yet")}</p>
      ) : (
        <ul class="monitor-list">
          {known.map((monitor) => (
            <Row key={monitor.id} monitor={monitor} line={line(monitor.id)} />
          ))}
        </ul>
      )}
    </>
  );
}

function Row({ monitor, line }: { monitor: Monitor; line: Line | undefined }) {
  return (
    <li class="card monitor">
      <div class="stack monitor-words">
        <div class="row">
          <Link href={`/monitors/${monitor.id}`} class="monitor-name">
            {monitor.name}
          </Link>
          <StateBadge state={monitor.state} />
          <SeverityBadge severity={monitor.severity} />
          {monitor.built_in !== null && <span class="badge">{t("monitors.built_in")}</span>}
        </div>
        <p>
          {conditionText(monitor.condition, monitor.measure)} · {scopeText(monitor.scope, itemName)}
        </p>
        <Numbers monitor={monitor} line={line} />
      </div>
      {may("monitors") && <RunButtons monitor={monitor} />}
    </li>
  );
}

/** How many items it looks at, how many it has raised, and when it last told of one. */
export function Numbers({ monitor, line }: { monitor: Monitor; line: Line | undefined }) {
  if (line === undefined) return <p class="quiet">…</p>;
  const { last_fired_at: fired, raised_items: raised } = line;
  return (
    <p class="row quiet">
      <span class={raised > 0 ? "badge warning" : "badge"}>{t("monitors.raised", { count: raised })}</span>
      <span>{t("monitors.watched", { count: line.watched_items })}</span>
      <Link href={`/notifications?monitor=${monitor.id}`}>
        {t("monitors.notifications", { count: line.notifications })}
      </Link>
      {fired !== null && (
        <time dateTime={fired} title={moment(fired)}>
          {t("monitors.last_fired", { time: ago(fired, now.value) })}
        </time>
      )}
      {monitor.state === "running" && !line.watching && <span>{t("monitors.starting")}</span>}
    </p>
  );
}
