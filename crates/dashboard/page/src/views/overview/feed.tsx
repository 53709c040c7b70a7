// Who changes what right now, the newest first. It moves at most once a second, can be stopped, and is never read out.

import { useComputed, useSignal } from "@preact/signals";
import { Link } from "wouter-preact";
import { t } from "../../i18n";
import { ago, moment } from "../../i18n/format";
import { activity } from "../../live/activity";
import { nameOf } from "../../live/actors";
import { differences, eventOf } from "../../live/differences";
import type { Item } from "../../live/stock";
import type { ChangeFrame } from "../../protocol/frames";
import { Button } from "../../ui/button";
import { now } from "../../ui/clock";
import { Differences } from "../../ui/differences";
import { sample } from "../../ui/sample";

const MOST = 25;
const MOST_FIELDS = 3;

export function Feed() {
  const stopped = useSignal<readonly ChangeFrame<Item>[] | undefined>(undefined);
  const shown = useComputed(() => {
    if (stopped.value !== undefined) return stopped.value;
    return sample(() => activity.value.slice(0, MOST));
  });
  const toggle = (): void => {
    stopped.value = stopped.value === undefined ? shown.value : undefined;
  };
  const changes = shown.value;
  return (
    <section class="card stack" aria-labelledby="feed">
      <div class="row spread">
        <h2 id="feed">{t("overview.activity")}</h2>
        <Button small icon={stopped.value === undefined ? "pause" : "play"} onClick={toggle}>
          {stopped.value === undefined ? t("overview.pause") : t("overview.go_on")}
        </Button>
      </div>
      {changes.length === 0 && <p class="quiet">{t("overview.no_activity")}</p>}
      <ol class="feed" aria-live="off">
        {changes.map((change) => (
          <Line key={change.position} change={change} />
        ))}
      </ol>
    </section>
  );
}

function Line({ change }: { change: ChangeFrame<Item> }) {
  const event = eventOf(change.type, change.version);
  const name = change.data?.name ?? change.previous?.name ?? `#${change.id}`;
  return (
    <li data-position={change.position}>
      <p>
        <strong>{nameOf(change.actor)}</strong> <span class="quiet">{t(`item.${event}`)}</span>{" "}
        <Link href={`/items/${change.id}`}>{name}</Link>{" "}
        <time class="quiet" dateTime={change.at} title={moment(change.at)}>
          {ago(change.at, Math.max(now.value, Date.parse(change.at)))}
        </time>
      </p>
      {event === "updated" && <Differences of={differences(event, change.data, change.previous)} most={MOST_FIELDS} />}
    </li>
  );
}
