// Where the chart of an item gets its values from: the service, at the resolution that is looked at, and then the live changes.

import { type Signal, signal } from "@preact/signals";
import { type ApiProblem, api, asProblem, good } from "../../api/client";
import { whenLiveAgain } from "../../live/again";
import { type Item, items } from "../../live/stock";
import type { ChangeFrame } from "../../protocol/frames";
import { append, LENGTH, type Measure, type Range, type Series, type View, windowOf } from "./series";

/** Who zooms step by step isn't followed with a request for each step: so long it waits, in milliseconds. */
const SETTLE = 250;
const MOST_POINTS = 2000;
/** So many live changes are kept for an answer that is still on its way. */
const MOST_FRESH = 2000;

export class Curve {
  readonly measure: Signal<Measure> = signal("quantity");
  readonly view: Signal<View> = signal({ kind: "range", range: "all" });
  readonly series: Signal<Series | undefined> = signal(undefined);
  readonly loading: Signal<boolean> = signal(false);
  readonly problem: Signal<ApiProblem | undefined> = signal(undefined);
  /** What was looked at before it was zoomed. */
  before: Range = "all";
  private fresh: ChangeFrame<Item>[] = [];
  /** Live changes within so many milliseconds become one point. */
  private width = 0;
  private asked = 0;
  private timer: number | undefined;

  constructor(private readonly id: number) {}

  /** Follows the item, until it is called off. */
  start(): () => void {
    const unlisten = items.listen((changes) => this.take(changes));
    const stopAgain = whenLiveAgain(() => this.read());
    void this.read();
    return () => {
      unlisten();
      stopAgain();
      clearTimeout(this.timer);
      this.asked += 1;
    };
  }

  choose(measure: Measure): void {
    if (measure === this.measure.value) return;
    this.measure.value = measure;
    this.series.value = undefined;
    void this.read();
  }

  show(view: View): void {
    if (view.kind === "range") this.before = view.range;
    this.view.value = view;
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.read(), SETTLE) as unknown as number;
  }

  zoom(from: number, to: number): void {
    this.show(windowOf(from, to, Date.now()));
  }

  readonly read = async (): Promise<void> => {
    this.asked += 1;
    const ask = this.asked;
    this.loading.value = true;
    try {
      const query = { measure: this.measure.value, points: resolution(), ...this.stretch() };
      const path = { id: this.id };
      const answer = await good(api.GET("/api/v1/items/{id}/series", { params: { path, query } }));
      if (ask !== this.asked) return;
      const length = Date.parse(answer.until) - Date.parse(answer.since);
      this.width = length / query.points;
      const behind = this.fresh.filter((change) => change.position > answer.as_of.position);
      this.series.value = behind.reduce((series, change) => this.with(series, change), answer);
      this.problem.value = undefined;
    } catch (error) {
      if (ask === this.asked) this.problem.value = asProblem(error);
    } finally {
      if (ask === this.asked) this.loading.value = false;
    }
  };

  private stretch(): { since?: string; until?: string } {
    const view = this.view.value;
    if (view.kind === "window") {
      return { since: new Date(view.from).toISOString(), until: new Date(view.to).toISOString() };
    }
    return view.range === "all" ? {} : { since: new Date(Date.now() - LENGTH[view.range]).toISOString() };
  }

  private take(changes: readonly ChangeFrame<Item>[]): void {
    const own = changes.filter((change) => change.id === this.id);
    if (own.length === 0) return;
    this.fresh = [...this.fresh, ...own].slice(-MOST_FRESH);
    const series = this.series.value;
    if (series === undefined) return;
    const behind = own.filter((change) => change.position > series.as_of.position);
    this.series.value = behind.reduce((made, change) => this.with(made, change), series);
  }

  private with(series: Series, change: ChangeFrame<Item>): Series {
    const view = this.view.value;
    if (view.kind === "window" && Date.parse(change.at) > view.to) return series;
    return append(series, change.at, change.data?.[series.measure] ?? null, this.width);
  }
}

/** As many points as the widest chart has pixels. */
function resolution(): number {
  return Math.max(200, Math.min(MOST_POINTS, Math.round(innerWidth)));
}
