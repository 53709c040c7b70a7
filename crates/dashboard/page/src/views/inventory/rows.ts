// How the rows of the table move: how many there are to draw, where the focus goes, and how wide everything is.

import type { RefObject } from "preact";
import { useLayoutEffect, useRef } from "preact/hooks";
import { widthOf } from "./columns";
import { rowAt, rowCount } from "./model";
import { type Cursor, HEADER, moveCursor, type Place, wantsFocus } from "./state";

const SELECT_WIDTH = 40;
const ACTIONS_WIDTH = 96;

function roomOf(place: Place): number {
  if (place === "select") return SELECT_WIDTH;
  return place === "actions" ? ACTIONS_WIDTH : widthOf(place);
}

/** The grid's columns for CSS, and how wide they are at least, in pixels. */
export function layout(places: readonly Place[]): { readonly template: string; readonly width: number } {
  // What can be long shares the room that is left.
  const template = places.map((place) =>
    place === "name" || place === "description" ? `minmax(${roomOf(place)}px, 1fr)` : `${roomOf(place)}px`,
  );
  return { template: template.join(" "), width: places.reduce((sum, place) => sum + roomOf(place), 0) };
}

/** If the item of the cursor is gone, its row's elements are another one's: the focus goes to the row that took its place. */
export function useNeighbour(scroller: RefObject<HTMLElement>, at: Cursor | undefined, row: number): void {
  const before = useRef(row);
  useLayoutEffect(() => {
    if (row >= 0) before.current = row;
    if (row >= 0 || at === undefined || at.id === HEADER || before.current < 0) return;
    const focused = document.activeElement;
    if (focused !== document.body && scroller.current?.contains(focused) !== true) return;
    const next = rowAt(Math.min(before.current, rowCount() - 1));
    if (next !== undefined) moveCursor({ id: next.item.id, place: at.place });
  });
}

/** Gives the focus to the cell of the cursor once it is drawn, and brings it into view. */
export function useFocus(scroller: RefObject<HTMLElement>, at: Cursor | undefined): void {
  useLayoutEffect(() => {
    if (!wantsFocus.now || at === undefined) return;
    const place = `[data-id="${at.id}"] [data-place="${CSS.escape(at.place)}"]`;
    const cell = scroller.current?.querySelector<HTMLElement>(place);
    if (cell == null) return;
    wantsFocus.now = false;
    // An editor takes the focus itself.
    if (cell.querySelector(".editor") !== null) return;
    cell.focus({ preventScroll: true });
    const left = scroller.current?.scrollLeft ?? 0;
    cell.scrollIntoView({ block: "nearest", inline: "nearest" });
    // What stands still at the sides can be seen anyway.
    if (at.place === "name" || at.place === "actions") scroller.current?.scrollTo({ left });
  });
}
