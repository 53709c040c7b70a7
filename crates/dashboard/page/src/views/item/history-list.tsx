// The history as a list: who changed what, when and why, the newest first.

import { useState } from "preact/hooks";
import { t } from "../../i18n";
import { clock, day, moment } from "../../i18n/format";
import { nameOf } from "../../live/actors";
import { differences } from "../../live/differences";
import { Button } from "../../ui/button";
import { Differences } from "../../ui/differences";
import { Trouble } from "../../ui/trouble";
import type { History } from "./history";
import { type Entry, type Row, rows } from "./timeline";

const KIND = { created: "good", updated: "info", deleted: "danger", restored: "good" } as const;

/** So many more are drawn at a time. */
const STEP = 100;

/** `newest` is the version that the item is known to have. */
export function HistoryList({ history, newest }: { history: History; newest: number | undefined }) {
  const older = history.older.value;
  const problem = history.problem.value;
  const entries = history.entries.value;
  const [most, setMost] = useState(STEP);
  const goBack = (): void => {
    if (most + STEP > entries.length) void history.readOlder();
    setMost(most + STEP);
  };
  return (
    <section class="card stack" aria-labelledby="history">
      <h2 id="history">{t("item.history")}</h2>
      {problem !== undefined && <Trouble problem={problem} again={history.readNewest} />}
      <ol class="timeline">
        {rows(entries.slice(0, most), newest).map((row) => (
          <TimelineRow key={row.key} row={row} history={history} />
        ))}
      </ol>
      {older === undefined && problem === undefined && <p class="quiet">{t("common.loading")}</p>}
      {(older?.place !== undefined || entries.length > most) && (
        <Button onClick={goBack} disabled={history.loading.value}>
          {t("item.read_older")}
        </Button>
      )}
      {older !== undefined && older.place === undefined && entries.length <= most && (
        <p class={older.complete ? "quiet" : "notice"}>
          {older.complete ? t("item.history_complete") : t("item.history_incomplete")}
        </p>
      )}
    </section>
  );
}

function TimelineRow({ row, history }: { row: Row; history: History }) {
  switch (row.kind) {
    case "day":
      return (
        <li class="timeline-day">
          <h3>{day(row.at)}</h3>
        </li>
      );
    case "gap":
      return (
        <li class="timeline-gap row">
          <span class="quiet">{t("item.missing", { count: row.missing })}</span>
          <Button small disabled={history.loading.value} onClick={() => history.readMissing(row.until)}>
            {t("item.show_missing")}
          </Button>
        </li>
      );
    case "entry":
      return <Change entry={row.entry} />;
  }
}

function Change({ entry }: { entry: Entry }) {
  return (
    <li class="timeline-entry" data-event={entry.event} data-version={entry.version}>
      <p class="row">
        <span class={`badge ${KIND[entry.event]}`}>{t(`item.${entry.event}`)}</span>
        <strong class="timeline-who">{nameOf(entry.actor)}</strong>
        <time class="quiet" dateTime={entry.at} title={moment(entry.at)}>
          {clock(entry.at)}
        </time>
      </p>
      {entry.reason !== null && <p class="timeline-reason">{entry.reason}</p>}
      <Differences of={differences(entry.event, entry.data, entry.previous)} />
    </li>
  );
}
