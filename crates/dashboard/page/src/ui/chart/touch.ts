// Fingers on a chart: one that moves sideways marks the stretch to zoom to, two take the stretch between them along. Moving up
// and down still scrolls the page.

import type uPlot from "uplot";

interface Fingers {
  /** A stretch was marked. */
  readonly zoom: (from: number, to: number) => void;
}

/** So many pixels a finger must move before it marks anything. */
const SLACK = 12;

export function touch({ zoom }: Fingers): uPlot.Plugin {
  const down = new Map<number, { first: number; now: number; value: number }>();
  let pinched: readonly [number, number] | undefined;

  const preview = (chart: uPlot): void => {
    const [one, two] = [...down.values()];
    if (one === undefined) return;
    if (two === undefined) {
      if (pinched !== undefined) return;
      const [left, right] = [Math.min(one.first, one.now), Math.max(one.first, one.now)];
      chart.setCursor({ left: one.now, top: chart.over.clientHeight / 2 });
      const width = right - left > SLACK ? right - left : 0;
      chart.setSelect({ left, top: 0, width, height: chart.over.clientHeight }, false);
      return;
    }
    if (Math.abs(one.now - two.now) < SLACK) return;
    // What lay below each finger still does.
    const each = (one.value - two.value) / (one.now - two.now);
    const from = one.value - one.now * each;
    const to = from + chart.over.clientWidth * each;
    if (!(to > from)) return;
    pinched = [from, to];
    chart.setScale("x", { min: from, max: to });
  };

  const lift = (chart: uPlot, event: PointerEvent, counts: boolean): void => {
    const finger = down.get(event.pointerId);
    if (finger === undefined) return;
    down.delete(event.pointerId);
    const width = chart.select.width;
    chart.setSelect({ left: 0, top: 0, width: 0, height: 0 }, false);
    if (pinched !== undefined) {
      if (down.size > 0) return;
      zoom(...pinched);
      pinched = undefined;
    } else if (counts && width > SLACK) {
      const left = Math.min(finger.first, finger.now);
      zoom(chart.posToVal(left, "x"), chart.posToVal(left + width, "x"));
    }
  };

  const ready = (chart: uPlot): void => {
    const over = chart.over;
    over.style.touchAction = "pan-y";
    const place = (event: PointerEvent): number => event.clientX - over.getBoundingClientRect().left;
    over.addEventListener("pointerdown", (event) => {
      if (event.pointerType !== "touch" || down.size === 2) return;
      const at = place(event);
      down.set(event.pointerId, { first: at, now: at, value: chart.posToVal(at, "x") });
      over.setPointerCapture(event.pointerId);
    });
    over.addEventListener("pointermove", (event) => {
      const finger = down.get(event.pointerId);
      if (finger === undefined) return;
      finger.now = place(event);
      preview(chart);
    });
    over.addEventListener("pointerup", (event) => lift(chart, event, true));
    over.addEventListener("pointercancel", (event) => lift(chart, event, false));
  };

  return { hooks: { ready } };
}
