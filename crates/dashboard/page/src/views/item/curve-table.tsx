// The values of the curve in words: one point, and all of them as a table.

import { useSignal } from "@preact/signals";
import { t } from "../../i18n";
import { moment, price, whole } from "../../i18n/format";
import type { Amount, Drawn, Series } from "./series";

/** More rows than these no one reads; all of them are in the export. */
const MOST = 500;

export function amountText(amount: Amount): string {
  if (amount === null) return t("common.none");
  return typeof amount === "number" ? whole(amount) : price(amount);
}

/** What the chart says at a place. */
export function pointText(series: Series, made: Drawn, index: number): string | undefined {
  const x = made.xs[index];
  if (x === undefined) return undefined;
  const at = moment(x * 1000);
  // Where nothing changed the value is that of the change before.
  const before = made.points.slice(0, index).findLast((point) => point !== undefined);
  const point = made.points[index];
  if (point === undefined) {
    const value = amountText(before === undefined ? series.before : before.last);
    return t("item.curve_value", { value, at: moment(before?.at ?? series.since) });
  }
  if (point.changes === 1) return t("item.curve_value", { value: amountText(point.last), at });
  return t("item.curve_many", {
    value: amountText(point.last),
    at,
    count: point.changes,
    low: amountText(point.low),
    high: amountText(point.high),
  });
}

export function CurveTable({ series }: { series: Series }) {
  // What nobody has opened isn't drawn anew with each change.
  const open = useSignal(false);
  return (
    <details
      class="chart-table"
      onToggle={(event) => {
        open.value = event.currentTarget.open;
      }}
    >
      <summary>{t("item.as_table")}</summary>
      {open.value && <Table series={series} />}
    </details>
  );
}

function Table({ series }: { series: Series }) {
  const rows = series.points.slice(-MOST).reverse();
  return (
    // A region that scrolls can be reached by keyboard.
    <div class="table-scroll" tabIndex={0} role="region" aria-label={t("item.as_table")}>
      <table class="plain-table">
        <thead>
          <tr>
            <th scope="col">{t("item.at")}</th>
            <th scope="col" class="number">
              {t("item.last")}
            </th>
            <th scope="col" class="number">
              {t("item.low")}
            </th>
            <th scope="col" class="number">
              {t("item.high")}
            </th>
            <th scope="col" class="number">
              {t("item.changes")}
            </th>
          </tr>
        </thead>
        <tbody>
          {rows.map((point, index) => (
            <tr key={`${point.at} ${index}`}>
              <td>{moment(point.at)}</td>
              <td class="number">{amountText(point.last)}</td>
              <td class="number">{amountText(point.low)}</td>
              <td class="number">{amountText(point.high)}</td>
              <td class="number">{whole(point.changes)}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}
