// How the rows of the table move: how many there are to draw, where the focus goes, and how wide everything is.

import type { RefObject } from "preact";
import { useLayoutEffect } from "preact/hooks";
import { widthOf } from "./columns";
import { type Cursor, type Place, wantsFocus } from "./state";

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
    cell.scrollIntoView({ block: "nearest", inline: "nearest" });
  });
}
