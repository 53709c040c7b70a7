// The table: a grid of which only the rows that can be seen exist. One cell has the keyboard; arrows move it.

import { useComputed } from "@preact/signals";
import { useCallback, useLayoutEffect, useMemo, useRef } from "preact/hooks";
import { useLocation } from "wouter-preact";
import { t } from "../../i18n";
import { may } from "../../api/session";
import { connection, type Item } from "../../live/stock";
import { useVirtual } from "../../ui/virtual";
import { type Column, fieldOf, visibleColumns, widthOf } from "./columns";
import { askAdjust, askDelete, subjects, toggleAll } from "./doing";
import { open } from "./drafts";
import { flashOf } from "./flashes";
import { Header } from "./header";
import { type Action, actionOf, lead } from "./keyboard";
import { handle, indexOf, follow, rowAt, rowCount } from "./model";
import { Row } from "./row";
import { startEdit } from "./saving";
import { sortBy } from "./sorting";
import {
  cursor,
  dialog,
  HEADER,
  mayAct,
  mayEdit,
  moveCursor,
  type Place,
  selection,
  toggleSelected,
  wantsFocus,
} from "./state";
import { stepQuantity } from "./steps";

export const ROW_HEIGHT = 40;
const HEADER_HEIGHT = 38;
const SELECT_WIDTH = 40;
const ACTIONS_WIDTH = 96;

export function Grid() {
  const scroller = useRef<HTMLDivElement>(null);
  const [, navigate] = useLocation();
  const columns = visibleColumns.value;
  const acting = mayAct();
  const places = useMemo<readonly Place[]>(
    () => [...(acting ? ["select" as const] : []), ...columns, "actions"],
    [columns, acting],
  );
  follow();
  const count = rowCount();
  const at = cursor.value;
  const cursorRow = at === undefined ? -1 : at.id === HEADER ? -1 : indexOf(at.id);
  const virtual = useVirtual({ scroller, count, size: ROW_HEIGHT, covered: HEADER_HEIGHT, kept: cursorRow });
  const stale = useComputed(() => connection.status.value.kind !== "live");
  const page = (): number => Math.max(1, Math.floor((scroller.current?.clientHeight ?? 400) / ROW_HEIGHT) - 2);

  useLayoutEffect(() => {
    if (!wantsFocus.now || at === undefined) return;
    const cell = scroller.current?.querySelector<HTMLElement>(
      `[data-id="${at.id}"] [data-place="${CSS.escape(at.place)}"]`,
    );
    if (cell == null) return;
    wantsFocus.now = false;
    if (open.peek() !== undefined && cell.querySelector(".editor") !== null) return;
    cell.focus({ preventScroll: true });
    cell.scrollIntoView({ block: "nearest", inline: "nearest" });
  });

  const go = (row: number, column: number): void => {
    const place = places[column];
    const id = row < 0 ? HEADER : rowAt(row)?.item.id;
    if (place !== undefined && id !== undefined) moveCursor({ id, place });
  };

  const leave = useCallback(
    (item: Item, column: Column, to: "here" | "next" | "previous"): void => {
      const editable = places.filter((place) => place === column || mayEdit(asField(place)));
      const next = editable[editable.indexOf(column) + (to === "next" ? 1 : -1)];
      const place = to === "here" || next === undefined ? column : next;
      moveCursor({ id: item.id, place });
      const field = asField(place);
      const row = rowAt(indexOf(item.id));
      if (to !== "here" && place !== column && field !== undefined && row !== undefined) startEdit(row.item, field);
    },
    [places],
  );

  const pressed = (event: KeyboardEvent): void => {
    const target = event.target as HTMLElement;
    if (target.closest(".editor") !== null) return;
    handle();
    const action = actionOf(event);
    if (action === undefined) return;
    if (target.closest("button, a, input") !== null && (action.kind === "enter" || action.kind === "select")) return;
    const place = cursor.peek()?.place ?? places[0];
    const row = cursorRow;
    const column = place === undefined ? 0 : Math.max(0, places.indexOf(place));
    const to = lead(action, { row, column }, { rows: count, columns: places.length, page: page() });
    if (to !== undefined) {
      event.preventDefault();
      if (action.kind === "move" && action.selects && row >= 0) extend(row, to.row);
      go(to.row, to.column);
    } else if (row >= 0 && place !== undefined ? act(action, row, place) : actOnHeader(action, place)) {
      event.preventDefault();
    }
  };

  const act = (action: Action, index: number, place: Place): boolean => {
    const row = rowAt(index);
    if (row === undefined || row.gone) return false;
    return actOnRow(action, row.item, place, navigate);
  };

  const focused = (event: FocusEvent): void => {
    const cell = (event.target as HTMLElement).closest<HTMLElement>("[data-place]");
    const id = Number(cell?.closest<HTMLElement>("[data-id]")?.dataset.id);
    const place = places.find((place) => place === cell?.dataset.place);
    handle({ there: id !== HEADER || pointed.current });
    if (cell === null || place === undefined || Number.isNaN(id)) return;
    if (cursor.peek()?.id !== id || cursor.peek()?.place !== place) cursor.value = { id, place };
  };

  const pointed = useRef(false);
  const point = (there: boolean): void => {
    pointed.current = there;
    handle({ there: there || (scroller.current?.contains(document.activeElement) ?? false) });
  };

  const width = places.reduce(
    (sum, place) => sum + (place === "select" ? SELECT_WIDTH : place === "actions" ? ACTIONS_WIDTH : widthOf(place)),
    0,
  );
  const template = places
    .map((place) => {
      if (place === "select") return `${SELECT_WIDTH}px`;
      if (place === "actions") return `${ACTIONS_WIDTH}px`;
      // What can be long shares the room that is left.
      return place === "name" || place === "description" ? `minmax(${widthOf(place)}px, 1fr)` : `${widthOf(place)}px`;
    })
    .join(" ");
  const first = virtual.rows[0]?.index ?? 0;
  return (
    <div
      ref={scroller}
      class="grid-scroll"
      data-stale={stale.value ? "" : undefined}
      onScroll={() => pointed.current && handle()}
    >
      <div
        role="grid"
        class="grid"
        aria-label={t("inventory.title")}
        aria-rowcount={count + 1}
        aria-colcount={places.length}
        aria-multiselectable={acting}
        style={{ "--columns": template, minWidth: `${width}px` }}
        onKeyDown={pressed}
        onFocusIn={focused}
        onFocusOut={() => handle({ there: pointed.current })}
      >
        <Header places={places} at={at === undefined || cursorRow < 0 ? (at?.place ?? places[0]) : undefined} />
        <div
          role="rowgroup"
          class="grid-body"
          style={{ height: `${virtual.height}px` }}
          onPointerEnter={() => point(true)}
          onPointerMove={() => point(true)}
          onPointerLeave={() => point(false)}
        >
          {virtual.rows.map(({ index, start }) => {
            const row = rowAt(index);
            if (row === undefined) return null;
            return (
              <Row
                key={row.item.id}
                item={row.item}
                gone={row.gone}
                index={index}
                top={start}
                places={places}
                flash={flashOf(row.item.id)}
                at={at?.id === row.item.id ? at.place : undefined}
                above={index > first + 4 && index > virtual.last - 5}
                onLeave={leave}
              />
            );
          })}
        </div>
      </div>
    </div>
  );
}

function asField(place: Place): ReturnType<typeof fieldOf> {
  return place === "select" || place === "actions" ? undefined : fieldOf(place);
}

/** Selects both rows: one of them is left, the other one entered. */
function extend(from: number, to: number): void {
  if (!mayAct()) return;
  const ids = [rowAt(from)?.item.id, rowAt(to)?.item.id].filter((id) => id !== undefined);
  selection.value = new Set([...selection.peek(), ...ids]);
}

function actOnHeader(action: Action, place: Place | undefined): boolean {
  if (action.kind !== "enter" && action.kind !== "select") return false;
  if (place === "select") toggleAll();
  else if (place !== undefined && place !== "actions") sortBy(place);
  return true;
}

function actOnRow(action: Action, item: Item, place: Place, navigate: (to: string) => void): boolean {
  const field = asField(place);
  switch (action.kind) {
    case "enter":
      if (place === "select") toggleSelected(item.id);
      else if (field !== undefined && mayEdit(field)) startEdit(item, field);
      else if (may("items")) dialog.value = { kind: "edit", item };
      return true;
    case "type":
      if (field !== "quantity" && field !== "price" && field !== "reorder_point") return false;
      if (mayEdit(field)) startEdit(item, field, action.text);
      return true;
    case "edit_all":
      if (may("items")) dialog.value = { kind: "edit", item };
      return true;
    case "open":
      navigate(`/items/${item.id}`);
      return true;
    case "select":
      if (mayAct()) toggleSelected(item.id);
      return true;
    case "select_all":
      if (mayAct()) toggleAll();
      return true;
    case "clear":
      selection.value = new Set();
      return true;
    case "delete":
      askDelete(subjects(item));
      return true;
    case "adjust":
      askAdjust(subjects(item));
      return true;
    case "step":
      if (may("stock")) stepQuantity(item.id, action.by);
      return true;
    default:
      return false;
  }
}
