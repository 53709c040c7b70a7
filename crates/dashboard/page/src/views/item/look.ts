// How the curve of an item looks: steps, and around them the band between the lowest and the highest value of each point.

import uPlot from "uplot";
import { numberLabels, timeLabels, WHOLE_STEPS, widthOf } from "../../ui/chart/axis";
import type { Look } from "../../ui/chart/chart";
import { type Colours, faint } from "../../ui/chart/colours";
import type { Measure } from "./series";

function look(measure: Measure, colours: Colours): Look {
  const stepped = uPlot.paths.stepped?.({ align: 1 });
  const paths = stepped === undefined ? {} : { paths: stepped };
  const hidden: uPlot.Series = { ...paths, stroke: "transparent", width: 0, points: { show: false } };
  return {
    scales: { y: { range: (_, low, high) => around(low, high) } },
    series: [{}, hidden, hidden, { ...paths, stroke: colours["chart-1"], width: 2, points: { show: false } }],
    bands: [{ series: [2, 1], fill: faint(colours["chart-1"], 0.22) }],
    axes: [
      { values: (_, marks, __, ___, apart) => timeLabels(marks, apart), space: 80, size: 44 },
      {
        values: (_, marks, __, ___, apart) => numberLabels(marks, apart),
        size: (_, labels) => widthOf(labels),
        ...(measure === "quantity" && { incrs: WHOLE_STEPS }),
      },
    ],
  };
}

/** From zero, unless everything lies far above it. */
function around(low: number | null, high: number | null): uPlot.Range.MinMax {
  if (low === null || high === null) return [0, 1];
  const room = Math.max((high - low) * 0.08, high * 0.01, Number.MIN_VALUE);
  return [low > (high - low) * 4 ? low - room * 2 : 0, high === 0 ? 1 : high + room];
}

/** One function for each, so that a chart is made anew only when it must. */
export const LOOKS: Readonly<Record<Measure, (colours: Colours) => Look>> = {
  quantity: (colours) => look("quantity", colours),
  price: (colours) => look("price", colours),
};
