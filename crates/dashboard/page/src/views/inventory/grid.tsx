// The table: a grid of which only the rows that can be seen exist. One cell has the keyboard; arrows move it.

import type { RefObject } from "preact";
import { useCallback, useMemo, useRef } from "preact/hooks";
import { useLocation } from "wouter-preact";
import { t } from "../../i18n";
import { connection, type Item } from "../../live/stock";
import { useSlots } from "../../ui/use-slots";
import { useVirtual } from "../../ui/virtual";
import { actOnHeader, actOnRow, extend, fieldAt } from "./acting";
import { type Column, visibleColumns } from "./columns";
import { drafts, open } from "./drafts";
import { flashOf } from "./flashes";
import { Header } from "./header";
import { actionOf, lead } from "./keyboard";
import { follow, handle, indexOf, rowAt, rowCount } from "./model";
import { Row } from "./row";
import { layout, useFocus, useNeighbour } from "./rows";
import { startEdit } from "./saving";
import { cursor, HEADER, mayAct, mayEdit, moveCursor, type Place, pointed, selection } from "./state";
import { unconfirmed } from "./steps";

const ROW_HEIGHT = 40;
const HEADER_HEIGHT = 38;
/** So many rows are as high as what is said at a cell. */
const NOTE_ROWS = 5;

function usePlaces(): readonly Place[] {
  const columns = visibleColumns.value;
  const acting = mayAct();
  return useMemo(() => [...(acting ? ["select" as const] : []), ...columns, "actions"], [columns, acting]);
}

/** Where the keyboard's row is now; -1 for the header. */
function cursorRow(): number {
  const at = cursor.peek();
  return at === undefined || at.id === HEADER ? -1 : indexOf(at.id);
}

/** What the keyboard does, wherever in the table it is. */
function useKeyboard(scroller: RefObject<HTMLElement>, places: readonly Place[]): (event: KeyboardEvent) => void {
  const [, navigate] = useLocation();
  return (event) => {
    const target = event.target as HTMLElement;
    if (target.closest(".editor") !== null) return;
    handle();
    const action = actionOf(event);
    if (action === undefined) return;
    if (target.closest("button, a, input") !== null && (action.kind === "enter" || action.kind === "select")) return;
    const row = cursorRow();
    const place = cursor.peek()?.place;
    const at = { row, column: place === undefined ? 0 : Math.max(0, places.indexOf(place)) };
    const page = Math.max(1, Math.floor((scroller.current?.clientHeight ?? 0) / ROW_HEIGHT) - 2);
    const to = lead(action, at, { rows: rowCount(), columns: places.length, page });
    if (to !== undefined) {
      event.preventDefault();
      const [next, id] = [places[to.column], to.row < 0 ? HEADER : rowAt(to.row)?.item.id];
      if (action.kind === "move" && action.selects && row >= 0) extend(row, to.row);
      if (next !== undefined && id !== undefined) moveCursor({ id, place: next });
      return;
    }
    const here = row < 0 ? undefined : rowAt(row);
    const acted =
      here === undefined
        ? actOnHeader(action, place)
        : !here.gone && place !== undefined && actOnRow(action, here.item, place, navigate);
    if (acted) event.preventDefault();
  };
}

/** Follows the focus and the pointer: the cursor is where the focus is, and rows are held while somebody is in them. */
function usePresence(scroller: RefObject<HTMLElement>, places: readonly Place[]) {
  const within = useRef(false);
  return {
    focusIn: (event: FocusEvent): void => {
      const cell = (event.target as HTMLElement).closest<HTMLElement>("[data-place]");
      const id = Number(cell?.closest<HTMLElement>("[data-id]")?.dataset.id);
      const place = places.find((place) => place === cell?.dataset.place);
      if (place === undefined || Number.isNaN(id)) return;
      handle({ there: id !== HEADER || within.current });
      if (cursor.peek()?.id !== id || cursor.peek()?.place !== place) cursor.value = { id, place };
    },
    focusOut: (): void => handle({ there: within.current }),
    point: (there: boolean): void => {
      within.current = there;
      handle({ there: there || (scroller.current?.querySelector(".grid-body :focus") ?? null) !== null });
    },
    scrolled: (): void => {
      // What a row offers while it is pointed at isn't drawn for each row that passes below the pointer.
      pointed.value = undefined;
      if (within.current) handle();
    },
  };
}

export function Grid() {
  const scroller = useRef<HTMLDivElement>(null);
  const places = usePlaces();
  const pressed = useKeyboard(scroller, places);
  const presence = usePresence(scroller, places);
  const { template, width } = useMemo(() => layout(places), [places]);
  const stale = connection.status.value.kind !== "live";
  useFocus(scroller, cursor.value);
  return (
    <div ref={scroller} class="grid-scroll" data-stale={stale ? "" : undefined} onScroll={presence.scrolled}>
      <div
        role="grid"
        class="grid"
        aria-label={t("inventory.title")}
        aria-rowcount={rowCount() + 1}
        aria-colcount={places.length}
        aria-multiselectable={mayAct()}
        style={{ "--columns": template, minWidth: `${width}px` }}
        onKeyDown={pressed}
        onFocusIn={presence.focusIn}
        onFocusOut={presence.focusOut}
      >
        <Body scroller={scroller} places={places} point={presence.point} />
      </div>
    </div>
  );
}

interface BodyProps {
  scroller: RefObject<HTMLDivElement>;
  places: readonly Place[];
  point: (there: boolean) => void;
}

function Body({ scroller, places, point }: BodyProps) {
  follow();
  const at = cursor.value;
  const kept = [cursorRow(), editedRow()];
  const virtual = useVirtual({ scroller, count: rowCount(), size: ROW_HEIGHT, covered: HEADER_HEIGHT, kept });
  const leave = useLeave(places);
  useNeighbour(scroller, at, cursorRow());
  const drawn = virtual.rows.flatMap(({ index, start }) => {
    const row = rowAt(index);
    return row === undefined ? [] : [{ ...row, index, start }];
  });
  const slots = useSlots(
    drawn.map(({ item }) => item.id),
    () => scroller.current?.querySelector(".grid-body :focus") == null,
  );
  const [edited, typed, steps, chosen, over] = [
    open.value,
    drafts.value,
    unconfirmed.value,
    selection.value,
    pointed.value,
  ];
  const troubled = new Set([...typed.values()].map(({ id }) => id));
  return (
    <>
      <Header places={places} at={(kept[0] ?? -1) < 0 ? (at?.place ?? places[0]) : undefined} />
      <div
        role="rowgroup"
        class="grid-body"
        style={{ height: `${virtual.height}px` }}
        onPointerEnter={() => point(true)}
        onPointerMove={(event) => {
          point(true);
          if (event.pointerType === "mouse") pointed.value = idOf(event.target);
        }}
        onPointerLeave={() => {
          point(false);
          pointed.value = undefined;
        }}
      >
        {slots.map(({ key, at: place }) => {
          const row = drawn[place];
          if (row === undefined) return null;
          const { id } = row.item;
          const isEdited = edited?.startsWith(`${id} `) === true;
          return (
            <Row
              key={key}
              item={row.item}
              gone={row.gone}
              index={row.index}
              top={row.start}
              places={places}
              flash={flashOf(id)}
              at={at?.id === id ? at.place : undefined}
              selected={chosen.has(id)}
              active={at?.id === id || over === id}
              open={isEdited ? edited : undefined}
              drafts={troubled.has(id) ? typed : undefined}
              step={steps.get(id)}
              above={isEdited && row.index >= NOTE_ROWS && row.index > virtual.last - NOTE_ROWS}
              onLeave={leave}
            />
          );
        })}
      </div>
    </>
  );
}

/** Where the row is whose editor is open; -1 if none is. */
function editedRow(): number {
  const key = open.value;
  const draft = key === undefined ? undefined : drafts.peek().get(key);
  return draft === undefined ? -1 : indexOf(draft.id);
}

/** The item of the row that something is in. */
function idOf(target: EventTarget | null): number | undefined {
  const id = (target as Element | null)?.closest<HTMLElement>("[data-id]")?.dataset.id;
  return id === undefined ? undefined : Number(id);
}

/** Where it goes on when an editor is left: Tab opens the next one of the row. */
function useLeave(places: readonly Place[]) {
  return useCallback(
    (item: Item, column: Column, to: "here" | "next" | "previous"): void => {
      const editable = places.filter((place) => place === column || mayEdit(fieldAt(place)));
      const next = editable[editable.indexOf(column) + (to === "next" ? 1 : -1)];
      const place = to === "here" || next === undefined ? column : next;
      moveCursor({ id: item.id, place });
      const [field, row] = [fieldAt(place), rowAt(indexOf(item.id))];
      if (place !== column && field !== undefined && row !== undefined) startEdit(row.item, field);
    },
    [places],
  );
}
