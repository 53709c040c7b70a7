// Quantity and price over time: the chart, what can be done with it, and the same as a table.

import { useComputed, useSignal } from "@preact/signals";
import { useId, useMemo } from "preact/hooks";
import { t } from "../../i18n";
import { moment } from "../../i18n/format";
import { connection } from "../../live/stock";
import { Button } from "../../ui/button";
import { Chart } from "../../ui/chart/chart";
import { Choices } from "../../ui/choices";
import { now } from "../../ui/clock";
import { Trouble } from "../../ui/trouble";
import type { Curve } from "./curve";
import { CurveExport } from "./curve-export";
import { CurveTable, pointText } from "./curve-table";
import { LOOKS } from "./look";
import { drawn, LENGTH, type Measure, RANGES, type Series, type View } from "./series";

const MEASURES: readonly Measure[] = ["quantity", "price"];
/** The end of what is shown moves on in so many steps for its whole length. */
const STEPS = 500;

interface Stretch {
  readonly from: number;
  readonly to: number;
}

/** What is shown, in milliseconds. */
function stretchOf(view: View, series: Series | undefined, at: number): Stretch {
  if (view.kind === "window") return view;
  const length = view.range === "all" ? at - Date.parse(series?.since ?? "") : LENGTH[view.range];
  const whole = Number.isFinite(length) && length > 1000 ? length : 1000;
  const step = Math.max(1000, whole / STEPS);
  const to = Math.ceil(at / step) * step;
  return { from: view.range === "all" ? at - whole : to - whole, to };
}

export function CurveSection({ curve, name }: { curve: Curve; name: string }) {
  const canvas = useSignal<HTMLCanvasElement | undefined>(undefined);
  const series = curve.series.value;
  const measure = curve.measure.value;
  // What isn't known to be true still isn't drawn.
  const live = connection.status.value.kind === "live";
  const until = useComputed(() => {
    const fresh = connection.status.value.kind === "live";
    return fresh ? now.value : Math.min(now.value, connection.lastLive.value ?? now.value);
  });
  const { from, to } = stretchOf(curve.view.value, series, until.value);
  const problem = curve.problem.value;
  const said = { measure: t(`item.${measure}`), name };
  const title = t("item.curve_label", { ...said, from: moment(from), to: moment(Math.min(to, until.value)) });
  // What is read out doesn't change with each second.
  const view = curve.view.value;
  const label =
    view.kind === "window" ? title : t("item.curve_label_range", { ...said, range: t(`item.range_${view.range}`) });
  return (
    <section class="card stack" aria-labelledby="curve" aria-busy={curve.loading.value}>
      <div class="row spread">
        <h2 id="curve">{t("item.curve")}</h2>
        <CurveExport series={series} title={title} name={name} canvas={canvas.value} />
      </div>
      <div class="row spread">
        <Choices
          label={t("item.measure")}
          choices={MEASURES.map((value) => ({ value, text: t(`item.${value}`) }))}
          chosen={measure}
          onChoice={(chosen) => curve.choose(chosen)}
        />
        <Ranges curve={curve} />
      </div>
      {problem !== undefined && <Trouble problem={problem} again={curve.read} />}
      {series?.complete === false && <p class="notice">{t("item.curve_incomplete")}</p>}
      {series !== undefined && (
        <Plot
          key={measure}
          curve={curve}
          series={series}
          from={from}
          to={to}
          until={live ? Math.max(to, until.value) : until.value}
          label={label}
          onCanvas={(made) => {
            canvas.value = made;
          }}
        />
      )}
      {series !== undefined && <CurveTable series={series} />}
    </section>
  );
}

function Ranges({ curve }: { curve: Curve }) {
  const view = curve.view.value;
  return (
    <Choices
      label={t("item.range")}
      choices={RANGES.map((range) => ({ value: range, text: t(`item.range_${range}`) }))}
      chosen={view.kind === "range" ? view.range : undefined}
      onChoice={(range) => curve.show({ kind: "range", range })}
    />
  );
}

interface PlotProps {
  curve: Curve;
  series: Series;
  from: number;
  to: number;
  until: number;
  label: string;
  onCanvas: (canvas: HTMLCanvasElement | undefined) => void;
}

function Plot({ curve, series, from, to, until, label, onCanvas }: PlotProps) {
  const keys = useId();
  const point = useSignal<number | undefined>(undefined);
  const focused = useSignal(false);
  const made = useMemo(() => drawn(series, until), [series, until]);
  const data = useMemo(() => [made.xs, made.low, made.high, made.last] as [number[], ...(number | null)[][]], [made]);
  const view = curve.view.value;
  const zoomBy = (factor: number): void => {
    const middle = (from + to) / 2;
    curve.zoom(middle - ((to - from) / 2) * factor, middle + ((to - from) / 2) * factor);
  };
  const back = (): void => {
    if (view.kind === "window") curve.show({ kind: "range", range: curve.before });
  };
  const at = point.value;
  const text = at === undefined ? undefined : pointText(series, made, at);
  const empty = made.xs.length === 0;
  return (
    <div
      onFocusIn={() => {
        focused.value = true;
      }}
      onFocusOut={() => {
        focused.value = false;
      }}
    >
      <Chart
        label={label}
        describedBy={keys}
        height={280}
        data={data}
        from={from / 1000}
        to={to / 1000}
        time
        look={LOOKS[series.measure]}
        onWindow={(first, last) => curve.zoom(first * 1000, last * 1000)}
        onReset={back}
        onPoint={(index) => {
          point.value = index;
        }}
        canvas={onCanvas}
      />
      <div class="row spread">
        <p class="chart-readout" aria-live={focused.value ? "polite" : "off"}>
          {text ?? <span class="quiet">{empty ? t("item.curve_empty") : t("item.curve_hint")}</span>}
        </p>
        <div class="row">
          <Button small icon="add" label={t("item.zoom_in")} onClick={() => zoomBy(0.5)} />
          <Button small icon="minus" label={t("item.zoom_out")} onClick={() => zoomBy(2)} />
          <Button small icon="undo" disabled={view.kind === "range"} onClick={back}>
            {t("item.reset")}
          </Button>
        </div>
      </div>
      <p id={keys} class="hidden">
        {t("item.curve_keys")}
      </p>
    </div>
  );
}
