// What was received and issued day by day, as bars and as a table; and the items that changed most meanwhile.

import { useComputed, useSignal } from "@preact/signals";
import { useEffect, useId, useMemo, useState } from "preact/hooks";
import { Link } from "wouter-preact";
import { t } from "../../i18n";
import { day, price, whole } from "../../i18n/format";
import { Chart } from "../../ui/chart/chart";
import { Choices } from "../../ui/choices";
import { sample } from "../../ui/sample";
import { Trouble } from "../../ui/trouble";
import { type Bars, barsOf, lookOf, type Unit } from "./bars";
import { dateOf, type Day, type Movement, withMoved } from "./movement";
import { MovementSource, SPANS } from "./movement-source";

const UNITS: readonly Unit[] = ["units", "value"];
const MOST_BUSY = 10;

/** A day of the calendar, as the reader writes it, wherever they are. */
function dayText(date: string): string {
  return day(`${date}T12:00:00`);
}

export function MovementSection() {
  const [source] = useState(() => new MovementSource());
  useEffect(() => source.start(), [source]);
  const unit = useSignal<Unit>("units");
  const movement = useComputed(() => {
    const answer = source.answer.value;
    return answer && sample((at) => withMoved(answer, source.moved, dateOf(new Date(at))));
  });
  const made = movement.value;
  const problem = source.problem.value;
  return (
    <>
      <section class="card stack" aria-labelledby="movement" aria-busy={source.loading.value}>
        <div class="row spread">
          <h2 id="movement">{t("overview.movement")}</h2>
          <div class="row">
            <Choices
              label={t("overview.measure")}
              choices={UNITS.map((value) => ({ value, text: t(`overview.${value}`) }))}
              chosen={unit.value}
              onChoice={(chosen) => {
                unit.value = chosen;
              }}
            />
            <Choices
              label={t("overview.span")}
              choices={SPANS.map((value) => ({ value, text: t("overview.days", { count: Number(value) }) }))}
              chosen={source.span.value}
              onChoice={(span) => source.choose(span)}
            />
          </div>
        </div>
        {problem !== undefined && <Trouble problem={problem} again={source.read} />}
        {made?.complete === false && <p class="notice">{t("overview.incomplete")}</p>}
        {made === undefined && problem === undefined && <p class="quiet">{t("common.loading")}</p>}
        {made !== undefined && <Plot movement={made} unit={unit.value} />}
      </section>
      {made !== undefined && <Busiest movement={made} />}
    </>
  );
}

function amounts({ received, issued, received_value, issued_value }: Day, unit: Unit) {
  return unit === "units"
    ? { received: whole(received), issued: whole(issued) }
    : { received: price(received_value), issued: price(issued_value) };
}

function Plot({ movement, unit }: { movement: Movement; unit: Unit }) {
  const point = useSignal<number | undefined>(undefined);
  const focused = useSignal(false);
  const readout = useId();
  const bars = useStable(barsOf(movement.days, unit));
  const dates = bars.dates.join();
  const look = useMemo(() => lookOf(bars.dates), [dates]);
  const data = useMemo(() => [bars.xs, bars.received, bars.issued] as [number[], ...(number | null)[][]], [bars]);
  const chosen = movement.days[point.value ?? movement.days.length - 1];
  const said =
    chosen &&
    t("overview.day_movement", { day: dayText(chosen.date), ...amounts(chosen, unit), count: chosen.changes });
  const label = t("overview.movement_label", {
    measure: t(`overview.${unit}`),
    from: dayText(movement.days[0]?.date ?? ""),
    to: dayText(movement.days.at(-1)?.date ?? ""),
  });
  return (
    <div
      onFocusIn={() => {
        focused.value = true;
      }}
      onFocusOut={() => {
        focused.value = false;
      }}
    >
      <div class="row" aria-hidden="true">
        <span class="chart-key">{t("overview.received")}</span>
        <span class="chart-key" data-colour="2">
          {t("overview.issued")}
        </span>
      </div>
      <Chart
        label={label}
        describedBy={readout}
        height={260}
        data={data}
        from={-0.5}
        to={bars.xs.length - 0.5}
        time={false}
        look={look}
        onPoint={(index) => {
          point.value = index;
        }}
      />
      <p id={readout} class="chart-readout" aria-live={focused.value && point.value !== undefined ? "polite" : "off"}>
        {said}
      </p>
      <details class="chart-table">
        <summary>{t("item.as_table")}</summary>
        <DayTable days={movement.days} unit={unit} />
      </details>
    </div>
  );
}

/** The same bars as before, if they are the same: nothing is drawn anew. */
function useStable(bars: Bars): Bars {
  const key = JSON.stringify(bars);
  return useMemo(() => bars, [key]);
}

function DayTable({ days, unit }: { days: readonly Day[]; unit: Unit }) {
  return (
    // A region that scrolls can be reached by keyboard.
    <div class="table-scroll" tabIndex={0} role="region" aria-label={t("item.as_table")}>
      <table class="plain-table">
        <thead>
          <tr>
            <th scope="col">{t("overview.day")}</th>
            <th scope="col" class="number">
              {t("overview.received")}
            </th>
            <th scope="col" class="number">
              {t("overview.issued")}
            </th>
            <th scope="col" class="number">
              {t("item.changes")}
            </th>
          </tr>
        </thead>
        <tbody>
          {[...days].reverse().map((one) => {
            const { received, issued } = amounts(one, unit);
            return (
              <tr key={one.date}>
                <th scope="row">{dayText(one.date)}</th>
                <td class="number">{received}</td>
                <td class="number">{issued}</td>
                <td class="number">{whole(one.changes)}</td>
              </tr>
            );
          })}
        </tbody>
      </table>
    </div>
  );
}

function Busiest({ movement }: { movement: Movement }) {
  return (
    <section class="card stack" aria-labelledby="busiest">
      <h2 id="busiest">{t("overview.busiest")}</h2>
      <p class="quiet">{t("overview.busiest_span", { count: movement.days.length })}</p>
      {movement.busiest.length === 0 && <p class="quiet">{t("overview.no_activity")}</p>}
      <ol class="lines">
        {movement.busiest.slice(0, MOST_BUSY).map((item) => (
          <li key={item.item_id} class="row spread">
            <Link href={`/items/${item.item_id}`} class="grow">
              {item.name}
            </Link>
            <span class="quiet number">
              +{whole(item.received)} −{whole(item.issued)}
            </span>
            <strong class="number">{t("overview.changes", { count: item.changes })}</strong>
          </li>
        ))}
      </ol>
    </section>
  );
}
