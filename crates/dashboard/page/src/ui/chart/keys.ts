// What the keys do on a chart: arrows go from point to point, with Shift the stretch moves, + and - zoom, 0 shows everything.

export type Move =
  | { readonly kind: "point"; readonly index: number }
  | { readonly kind: "window"; readonly from: number; readonly to: number }
  | { readonly kind: "reset" };

export interface Shown {
  /** Where the points are. */
  readonly xs: ArrayLike<number>;
  readonly from: number;
  readonly to: number;
  /** The point that is read out. */
  readonly index: number | undefined;
}

const PAN = 0.25;

/** What a key does; nothing, if it is none of the chart's. */
export function moveOf(key: string, shift: boolean, { xs, from, to, index }: Shown): Move | undefined {
  const span = to - from;
  const zoom = (factor: number): Move => {
    const at = index === undefined ? undefined : xs[index];
    const middle = at !== undefined && at >= from && at <= to ? at : (from + to) / 2;
    return { kind: "window", from: middle - (middle - from) * factor, to: middle + (to - middle) * factor };
  };
  const pan = (share: number): Move => ({ kind: "window", from: from + span * share, to: to + span * share });
  const first = firstFrom(xs, from);
  const last = firstFrom(xs, to + Number.EPSILON * to) - 1;
  const point = (wanted: number): Move | undefined =>
    last < first ? undefined : { kind: "point", index: Math.max(first, Math.min(last, wanted)) };
  switch (key) {
    case "ArrowLeft":
      return shift ? pan(-PAN) : point((index ?? last + 1) - 1);
    case "ArrowRight":
      return shift ? pan(PAN) : point((index ?? last - 1) + 1);
    case "Home":
      return point(first);
    case "End":
      return point(last);
    case "+":
    case "=":
      return zoom(0.5);
    case "-":
    case "_":
      return zoom(2);
    case "0":
    case "Escape":
      return { kind: "reset" };
    default:
      return undefined;
  }
}

/** The first point at or behind a place. */
function firstFrom(xs: ArrayLike<number>, place: number): number {
  let [low, high] = [0, xs.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((xs[middle] ?? Infinity) < place) low = middle + 1;
    else high = middle;
  }
  return low;
}
