// Rows that exist only while they can be seen: the virtualizer of TanStack as a hook.

import {
  defaultRangeExtractor,
  elementScroll,
  observeElementOffset,
  observeElementRect,
  type Range,
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
  /** Rows that are there even if they can't be seen: one has the focus. Below 0 is none. */
  readonly kept?: readonly number[];
}

/** Rows beyond what can be seen, on each side. */
const OVERSCAN = 3;

/** As many rows wherever it is scrolled to: if one more were there now and then, it would be made and thrown away each time. */
function evened(range: Range, height: number, size: number): Range {
  const fits = Math.ceil(height / size) + 1;
  return { ...range, endIndex: Math.max(range.endIndex, Math.min(range.startIndex + fits, range.count) - 1) };
}

export function useVirtual({ scroller, count, size, covered = 0, kept = [] }: Options): Virtual {
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
    rangeExtractor: (range: Range): number[] => {
      const shown = defaultRangeExtractor(evened(range, virtualizer.scrollRect?.height ?? 0, size));
      const others = kept.filter((index) => index >= 0 && index < count && !shown.includes(index));
      return others.length === 0 ? shown : [...new Set([...shown, ...others])].sort((one, other) => one - other);
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
