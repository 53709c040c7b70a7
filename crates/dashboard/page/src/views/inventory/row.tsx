// A row of the table. All that it shows is given to it, so that it is drawn again only if something of this changed. Its
// elements serve one item after another while rows are scrolled past: nothing in them may outlast an item.

import { memo } from "preact/compat";
import { t } from "../../i18n";
import { may } from "../../api/session";
import { isMe } from "../../live/actors";
import type { Item } from "../../live/stock";
import { type Column, fieldOf, isNumeric } from "./columns";
import { CellText, columnTitle, display, LevelBadge, WhoTag } from "./display";
import { type Draft, draftKey, wished } from "./drafts";
import { Editor } from "./editor";
import { type Flash, lastChangeOf } from "./flashes";
import { Actions, Stepper } from "./row-actions";
import { startEdit } from "./saving";
import { mayEdit, type Place, toggleSelected } from "./state";

export interface RowProps {
  item: Item;
  index: number;
  top: number;
  gone: boolean;
  places: readonly Place[];
  flash: Flash | undefined;
  /** Where the keyboard is, if it is in this row. */
  at: Place | undefined;
  selected: boolean;
  /** It is pointed at, or has the keyboard: it shows what can be done with it. */
  active: boolean;
  /** The key of the draft whose editor is open in this row. */
  open: string | undefined;
  /** The drafts, if some are of this row. */
  drafts: ReadonlyMap<string, Draft> | undefined;
  /** By how much the quantity will change that isn't confirmed yet. */
  step: number | undefined;
  /** What is said at a cell goes above it. */
  above: boolean;
  onLeave: (item: Item, column: Column, to: "here" | "next" | "previous") => void;
}

export const Row = memo(function Row(props: RowProps) {
  const { item, index, top, gone, places, flash, at, selected, active } = props;
  const classes = ["grid-row", gone && "gone", flash && "flashes", flash?.kind === "create" && "created"];
  return (
    <div
      role="row"
      class={classes.filter(Boolean).join(" ")}
      style={{ transform: `translateY(${top}px)` }}
      aria-rowindex={index + 2}
      aria-selected={selected}
      data-id={item.id}
      data-edited={props.open === undefined ? undefined : ""}
    >
      {places.map((place, column) => {
        const given = {
          "aria-colindex": column + 1,
          "data-place": place,
          tabIndex: at === place ? 0 : -1,
        };
        if (place === "select") return <SelectCell key={place} given={given} item={item} selected={selected} />;
        if (place === "actions") {
          return (
            <div key={place} role="gridcell" class="cell actions" {...given}>
              {!gone && <Actions item={item} active={active} />}
            </div>
          );
        }
        return <Cell key={place} given={given} column={place} row={props} />;
      })}
    </div>
  );
});

interface Given {
  "aria-colindex": number;
  "data-place": string;
  tabIndex: number;
}

function SelectCell({ given, item, selected }: { given: Given; item: Item; selected: boolean }) {
  return (
    <div role="gridcell" class="cell select" {...given}>
      <input
        type="checkbox"
        tabIndex={-1}
        checked={selected}
        aria-label={t("inventory.select", { name: item.name })}
        onChange={() => toggleSelected(item.id)}
      />
    </div>
  );
}

function Cell({ given, column, row }: { given: Given; column: Column; row: RowProps }) {
  const { item, gone, flash, active, above, onLeave } = row;
  const field = fieldOf(column);
  const key = field === undefined ? "" : draftKey(item.id, field);
  const draft = field === undefined ? undefined : row.drafts?.get(key);
  const editing = draft !== undefined && row.open === key;
  const shown = field !== undefined && flash?.before.has(field) === true ? flash : undefined;
  const editable = mayEdit(field) && !gone;
  const waiting = column === "quantity" ? row.step !== undefined : false;
  const steps = column === "quantity" && may("stock");
  const pending = draft?.state === "saving" || waiting;
  const troubled = draft !== undefined && !editing && draft.state !== "saving";
  const classes = [
    "cell",
    isNumeric(column) && "number",
    column === "name" && "name",
    steps && "steps",
    shown && "flash",
    shown && column !== "quantity" && column !== "name" && "stacked",
    pending && "pending",
    troubled && "troubled",
    editing && "editing",
  ];
  return (
    <div
      role="gridcell"
      class={classes.filter(Boolean).join(" ")}
      {...given}
      aria-readonly={!editable}
      aria-busy={pending ? true : undefined}
      onDblClick={() => editable && field !== undefined && startEdit(item, field)}
    >
      {editing ? (
        <Editor key={key} draft={draft} column={column} above={above} onLeave={(to) => onLeave(item, column, to)} />
      ) : (
        <>
          <Content item={item} column={column} draft={draft} step={steps ? row.step : undefined} />
          {shown !== undefined && <Before flash={shown} column={column} item={item} />}
          {column === "name" && <Marks row={row} />}
          {steps && active && !gone && (
            <>
              <Stepper item={item} by={-1} />
              <Stepper item={item} by={1} />
            </>
          )}
        </>
      )}
    </div>
  );
}

interface ContentProps {
  item: Item;
  column: Column;
  draft: Draft | undefined;
  step: number | undefined;
}

/** The value; what was typed as long as it isn't confirmed. */
function Content({ item, column, draft, step: by }: ContentProps) {
  const saving = draft?.state === "saving";
  const mark = saving || by !== undefined ? t("inventory.saving") : draft === undefined ? "" : t("inventory.not_saved");
  let text = <CellText item={item} column={column} />;
  if (draft !== undefined) {
    const value = wished(draft);
    text = <>{value === undefined ? draft.text : display(column, value)}</>;
  } else if (by !== undefined) {
    text = <>{display(column, Math.max(0, item.quantity + by))}</>;
  }
  return (
    <span class="content">
      {text}
      {mark !== "" && (
        <span class="mark" title={mark}>
          {saving || by !== undefined ? "…" : "!"}
          <span class="hidden">{mark}</span>
        </span>
      )}
    </span>
  );
}

/** What the value was before it flashed: also for those who don't see the colour. */
function Before({ flash, column, item }: { flash: Flash; column: Column; item: Item }) {
  const field = fieldOf(column);
  const before = field === undefined ? null : flash.before.get(field);
  if (field === "quantity" && typeof before === "number") {
    const grew = item.quantity >= before;
    return (
      <span class="before">
        {grew ? "▲" : "▼"}
        {display(column, Math.abs(item.quantity - before))}
      </span>
    );
  }
  const text = display(column, before) || t("common.none");
  return (
    <s class="before" title={columnTitle(column)}>
      {text}
    </s>
  );
}

/** What is to be said of a row: its level, who changed it, that it is new or gone. */
function Marks({ row: { item, flash, gone } }: { row: RowProps }) {
  const last = lastChangeOf(item.id);
  return (
    <span class="marks">
      {!gone && <LevelBadge item={item} />}
      {gone && <span class="badge danger">{t("inventory.deleted")}</span>}
      {gone && last !== undefined && !isMe(last.actor) && (
        <WhoTag actor={last.actor} text={t("inventory.deleted_by")} />
      )}
      {flash?.kind === "create" && <span class="badge info">{t("inventory.new")}</span>}
      {flash !== undefined && <WhoTag actor={flash.actor} text={t("inventory.changed_by")} />}
    </span>
  );
}
