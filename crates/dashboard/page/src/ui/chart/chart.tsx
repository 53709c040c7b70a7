// A chart: uPlot on a canvas that is as wide as its container, in the page's colours and language, used with mouse, fingers or
// keys. What it says must be there in words and as a table, too: that is its caller's.

import "uplot/dist/uPlot.min.css";
import "./chart.css";
import { useEffect, useRef } from "preact/hooks";
import uPlot from "uplot";
import { language } from "../../i18n";
import { dark } from "../theme";
import { type Colours, coloursOf } from "./colours";
import { moveOf } from "./keys";
import { touch } from "./touch";

export type Look = Pick<uPlot.Options, "series" | "axes" | "bands"> & { readonly scales?: uPlot.Scales };

interface Props {
  /** What it shows, for those who don't see it. */
  label: string;
  /** The id of what says more about it. */
  describedBy?: string;
  height: number;
  data: uPlot.AlignedData;
  /** The stretch that is shown. */
  from: number;
  to: number;
  /** How it looks. A new function makes a new chart. */
  look: (colours: Colours) => Look;
  /** Whether x are seconds since 1970. */
  time: boolean;
  onWindow?: (from: number, to: number) => void;
  onReset?: () => void;
  /** The point below the pointer, or that the keys went to. */
  onPoint?: (index: number | undefined) => void;
  /** Is given the canvas, to take a picture of it. */
  canvas?: (canvas: HTMLCanvasElement | undefined) => void;
}

/** Less than this is a click, in pixels. */
const CLICK = 4;

export function Chart(props: Props) {
  const place = useRef<HTMLDivElement>(null);
  const chart = useRef<uPlot>();
  const now = useRef(props);
  now.current = props;

  useEffect(() => {
    const element = place.current;
    if (element === null) return;
    const made = new uPlot(optionsFor(element, now), props.data, element);
    chart.current = made;
    props.canvas?.(made.ctx.canvas);
    const sizes = new ResizeObserver(() => {
      if (element.clientWidth > 0) made.setSize({ width: element.clientWidth, height: now.current.height });
    });
    sizes.observe(element);
    return () => {
      sizes.disconnect();
      made.destroy();
      chart.current = undefined;
      now.current.canvas?.(undefined);
    };
  }, [props.look, props.time, dark.value, language.value]);

  useEffect(() => {
    // The scale asks for the stretch.
    chart.current?.setData(props.data, true);
  }, [props.data, props.from, props.to]);

  const pressed = (event: KeyboardEvent): void => {
    const { current } = chart;
    if (current === undefined || event.ctrlKey || event.metaKey || event.altKey) return;
    const { from, to, data } = now.current;
    const index = current.cursor.idx ?? undefined;
    const move = moveOf(event.key, event.shiftKey, { xs: data[0], from, to, index });
    if (move === undefined) return;
    event.preventDefault();
    if (move.kind === "reset") now.current.onReset?.();
    else if (move.kind === "window") now.current.onWindow?.(move.from, move.to);
    else pointAt(current, move.index);
  };

  return (
    <div
      ref={place}
      class="chart"
      role="group"
      tabIndex={0}
      aria-label={props.label}
      aria-describedby={props.describedBy}
      onKeyDown={pressed}
    />
  );
}

function pointAt(chart: uPlot, index: number): void {
  const x = chart.data[0][index];
  if (x == null) return;
  chart.setCursor({ left: chart.valToPos(x, "x"), top: chart.over.clientHeight / 2 });
}

function optionsFor(element: HTMLElement, now: { readonly current: Props }): uPlot.Options {
  const colours = coloursOf(element);
  const look = now.current.look(colours);
  const axis: uPlot.Axis = {
    stroke: colours["text-quiet"],
    grid: { stroke: colours.line, width: 1 },
    ticks: { stroke: colours.line, width: 1 },
    font: `12px ${getComputedStyle(element).fontFamily}`,
  };
  const selected = (chart: uPlot): void => {
    const { left, width } = chart.select;
    chart.setSelect({ left: 0, top: 0, width: 0, height: 0 }, false);
    if (width > CLICK) now.current.onWindow?.(chart.posToVal(left, "x"), chart.posToVal(left + width, "x"));
  };
  const reset = (): null => {
    now.current.onReset?.();
    return null;
  };
  const zoomable = now.current.onWindow !== undefined;
  return {
    width: Math.max(element.clientWidth, 100),
    height: now.current.height,
    padding: [12, 12, 0, 0],
    legend: { show: false },
    cursor: {
      y: false,
      drag: { x: zoomable, y: false, setScale: false },
      bind: { dblclick: () => reset },
      points: { size: 7, fill: colours.text, stroke: colours.surface, width: 1 },
    },
    scales: {
      ...look.scales,
      x: { time: now.current.time, range: () => [now.current.from, now.current.to] },
    },
    series: look.series,
    ...(look.bands !== undefined && { bands: look.bands }),
    axes: (look.axes ?? []).map((own) => ({ ...axis, ...own })),
    hooks: {
      setSelect: [selected],
      setCursor: [(chart) => now.current.onPoint?.(chart.cursor.idx ?? undefined)],
    },
    plugins: zoomable ? [touch({ zoom: (from, to) => now.current.onWindow?.(from, to) })] : [],
  };
}
