// What is muted now, and by whom; unmuting.

import { type Signal, signal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { Link } from "wouter-preact";
import { api, good } from "../../api/client";
import type { components } from "../../api/schema.gen";
import { may } from "../../api/session";
import { t } from "../../i18n";
import { moment } from "../../i18n/format";
import { nameOf } from "../../live/actors";
import { itemOf, monitors } from "../../live/stock";
import { Button } from "../../ui/button";
import { useReading } from "../../ui/reading";
import { failed, Trouble } from "../../ui/trouble";
import { allOf } from "../monitors/asked";

type Mute = components["schemas"]["Mute"];

const changes: Signal<number> = signal(0);

/** Something was muted here: the list is asked for anew. */
export function mutesChanged(): void {
  changes.value += 1;
}

function readAll(): Promise<Mute[]> {
  return allOf((query) => good(api.GET("/api/v1/mutes", { params: { query } })));
}

export function Mutes() {
  const reading = useReading(readAll);
  const mutes = reading.value.value;
  const problem = reading.problem.value;
  const turn = changes.value;
  useEffect(() => {
    if (turn > 0) void reading.read();
  }, [turn]);
  const unmute = (id: number): void => {
    good(api.DELETE("/api/v1/mutes/{id}", { params: { path: { id } } })).then(mutesChanged, failed);
  };
  if (problem !== undefined) return <Trouble problem={problem} again={reading.read} />;
  if (mutes === undefined || mutes.length === 0) return null;
  return (
    <section class="stack">
      <h2>{t("notifications.mutes")}</h2>
      <ul class="notification-list">
        {mutes.map((mute) => (
          <li key={mute.id} class="card row spread">
            <span class="stack">
              <What mute={mute} />
              <span class="quiet">
                {mute.until === null
                  ? t("notifications.muted_forever")
                  : t("notifications.muted_until", { time: moment(mute.until) })}{" "}
                · {t("common.by", { who: nameOf(mute.created_by) })}
                {mute.note !== null && <span class="notification-note">{mute.note}</span>}
              </span>
            </span>
            {may("monitors") && (
              <Button small icon="undo" onClick={() => unmute(mute.id)}>
                {t("notifications.unmute")}
              </Button>
            )}
          </li>
        ))}
      </ul>
    </section>
  );
}

function What({ mute }: { mute: Mute }) {
  const { item_id: item, monitor_id: monitor } = mute;
  return (
    <span class="row">
      {monitor !== null && (
        <Link href={`/monitors/${monitor}`}>{monitors.state.value.rows.get(monitor)?.name ?? `#${monitor}`}</Link>
      )}
      {monitor !== null && item !== null && <span aria-hidden="true">·</span>}
      {item !== null && <Link href={`/items/${item}`}>{itemOf(item)?.name ?? `#${item}`}</Link>}
    </span>
  );
}
