// Rows that exist only while they can be seen: the virtualizer of TanStack as a hook.

import {
  defaultRangeExtractor,
  elementScroll,
  observeElementOffset,
  observeElementRect,
  Virtualizer,
  type VirtualItem,
} from "@tanstack/virtual-core";
import type { RefObject } from "preact";
import { useLayoutEffect, useReducer, useState } from "preact/hooks";

export interface Virtual {
  readonly rows: readonly VirtualItem[];
  /** How high all rows together are, in pixels. */
  readonly height: number;
  /** The last row that can be seen, as far as it has been scrolled. */
  readonly last: number;
  readonly scrollTo: (index: number) => void;
}

interface Options {
  readonly scroller: RefObject<HTMLElement>;
  readonly count: number;
  /** How high a row is, in pixels. */
  readonly size: number;
  /** How much of the top is covered by what doesn't scroll, in pixels. */
  readonly covered?: number;
  /** A row that is there even if it can't be seen: it has the focus. */
  readonly kept?: number | undefined;
}

const OVERSCAN = 3;

export function useVirtual({ scroller, count, size, covered = 0, kept }: Options): Virtual {
  const [, redraw] = useReducer<number, undefined>((times) => times + 1, 0);
  const options = {
    count,
    getScrollElement: () => scroller.current,
    estimateSize: () => size,
    observeElementRect,
    observeElementOffset,
    scrollToFn: elementScroll,
    overscan: OVERSCAN,
    scrollMargin: 0,
    scrollPaddingStart: covered,
    rangeExtractor: (range: Parameters<typeof defaultRangeExtractor>[0]): number[] => {
      const shown = defaultRangeExtractor(range);
      if (kept === undefined || kept < 0 || kept >= count || shown.includes(kept)) return shown;
      return [...shown, kept].sort((one, other) => one - other);
    },
    onChange: () => redraw(undefined),
  };
  const [virtualizer] = useState(() => new Virtualizer<HTMLElement, HTMLElement>(options));
  const before = virtualizer.options.estimateSize(0);
  virtualizer.setOptions(options);
  useLayoutEffect(() => virtualizer._didMount(), [virtualizer]);
  useLayoutEffect(() => virtualizer._willUpdate());
  useLayoutEffect(() => {
    if (before !== size) virtualizer.measure();
  });
  return {
    rows: virtualizer.getVirtualItems(),
    height: virtualizer.getTotalSize(),
    // What the virtualizer was told: to ask the element would be to lay the page out in the middle of drawing.
    last: Math.floor(((virtualizer.scrollOffset ?? 0) + (virtualizer.scrollRect?.height ?? 0) - covered) / size),
    scrollTo: (index) => virtualizer.scrollToIndex(index, { align: "auto" }),
  };
}
