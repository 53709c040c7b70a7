// The movement as bars: what was received upwards, what was issued downwards.

import uPlot from "uplot";
import { numberLabels, widthOf, WHOLE_STEPS } from "../../ui/chart/axis";
import type { Look } from "../../ui/chart/chart";
import type { Colours } from "../../ui/chart/colours";
import { language } from "../../i18n";
import type { Day } from "./movement";

export type Unit = "units" | "value";

export interface Bars {
  readonly dates: readonly string[];
  /** The days are as far apart as each other, whatever clocks did. */
  readonly xs: number[];
  /** Nothing where nothing was received: not even a line. */
  readonly received: (number | null)[];
  /** Below zero. */
  readonly issued: (number | null)[];
}

/** As near as a canvas needs it. */
export function barsOf(days: readonly Day[], unit: Unit): Bars {
  const units = unit === "units";
  return {
    dates: days.map((day) => day.date),
    xs: days.map((_, index) => index),
    received: days.map((day) => (units ? day.received : Number(day.received_value)) || null),
    issued: days.map((day) => -(units ? day.issued : Number(day.issued_value)) || null),
  };
}

export function lookOf(dates: readonly string[]): (colours: Colours) => Look {
  const short = new Intl.DateTimeFormat(language.peek(), { month: "short", day: "numeric" });
  const label = (mark: number): string => {
    const date = dates[mark];
    return date === undefined ? "" : short.format(new Date(`${date}T12:00:00`));
  };
  return (colours) => {
    const bars = uPlot.paths.bars?.({ size: [0.7, 48], radius: 0.15 });
    const paths = bars === undefined ? {} : { paths: bars };
    const series = (colour: string): uPlot.Series => ({
      ...paths,
      fill: colour,
      stroke: colour,
      points: { show: false },
    });
    return {
      scales: { y: { range: (_, low, high) => around(low, high) } },
      series: [{}, series(colours["chart-1"]), series(colours["chart-2"])],
      axes: [
        {
          values: (_, marks) => marks.map(label),
          incrs: [1, 2, 7, 14, 28],
          space: 64,
          size: 32,
          grid: { show: false },
        },
        {
          values: (_, marks, __, ___, apart) => numberLabels(marks.map(Math.abs), apart),
          size: (_, labels) => widthOf(labels),
          incrs: WHOLE_STEPS,
        },
      ],
    };
  };
}

/** Zero is always there, and in the midst only if something was issued. */
function around(low: number | null, high: number | null): uPlot.Range.MinMax {
  const [least, most] = [Math.min(low ?? 0, 0), Math.max(high ?? 0, 0)];
  if (least === 0 && most === 0) return [0, 1];
  const room = (most - least) * 0.06;
  return [least < 0 ? least - room : 0, most > 0 ? most + room : 0];
}
