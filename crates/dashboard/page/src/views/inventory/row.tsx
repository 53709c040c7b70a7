// A row of the table. It is drawn again only if its item, its flash or its place changed, or an edit is under way.

import { memo } from "preact/compat";
import { Link } from "wouter-preact";
import { t } from "../../i18n";
import { may } from "../../api/session";
import { isMe } from "../../live/actors";
import type { Item } from "../../live/stock";
import { Button } from "../../ui/button";
import { Icon } from "../../ui/icon";
import { type Column, fieldOf, isNumeric } from "./columns";
import { CellText, columnTitle, display, LevelBadge, WhoTag } from "./display";
import { askDelete, subjects } from "./doing";
import { type Draft, draftKey, drafts, open, wished } from "./drafts";
import { Editor } from "./editor";
import { type Flash, lastChangeOf } from "./flashes";
import { startEdit } from "./saving";
import { dialog, mayEdit, moveCursor, type Place, selection, toggleSelected } from "./state";
import { stepQuantity, unconfirmed } from "./steps";

export interface RowProps {
  item: Item;
  index: number;
  top: number;
  gone: boolean;
  places: readonly Place[];
  flash: Flash | undefined;
  /** Where the keyboard is, if it is in this row. */
  at: Place | undefined;
  /** What is said at a cell goes above it. */
  above: boolean;
  onLeave: (item: Item, column: Column, to: "here" | "next" | "previous") => void;
}

export const Row = memo(function Row(props: RowProps) {
  const { item, index, top, gone, places, flash, at } = props;
  const selected = selection.value.has(item.id);
  const classes = ["grid-row", gone && "gone", flash && "flashes", flash?.kind === "create" && "created"];
  return (
    <div
      role="row"
      class={classes.filter(Boolean).join(" ")}
      style={{ transform: `translateY(${top}px)` }}
      aria-rowindex={index + 2}
      aria-selected={selected}
      data-id={item.id}
      data-edited={open.value?.startsWith(`${item.id} `) ? "" : undefined}
    >
      {places.map((place, column) => {
        const given = {
          "aria-colindex": column + 1,
          "data-place": place,
          tabIndex: at === place ? 0 : -1,
        };
        if (place === "select") return <SelectCell key={place} given={given} item={item} selected={selected} />;
        if (place === "actions") return <ActionsCell key={place} given={given} item={item} gone={gone} />;
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

function ActionsCell({ given, item, gone }: { given: Given; item: Item; gone: boolean }) {
  const name = item.name;
  return (
    <div role="gridcell" class="cell actions" {...given}>
      {!gone && (
        <>
          <Link
            href={`/items/${item.id}`}
            class="button plain small icon-only"
            tabIndex={-1}
            aria-label={t("inventory.open", { name })}
            title={t("inventory.open", { name })}
          >
            <Icon name="history" />
          </Link>
          {may("items") && (
            <>
              <Button
                kind="plain"
                small
                icon="edit"
                tabIndex={-1}
                label={t("inventory.edit", { name })}
                onClick={() => (dialog.value = { kind: "edit", item })}
              />
              <Button
                kind="plain"
                small
                icon="trash"
                tabIndex={-1}
                label={t("inventory.delete", { name })}
                onClick={() => askDelete(subjects(item))}
              />
            </>
          )}
        </>
      )}
    </div>
  );
}

function Cell({ given, column, row }: { given: Given; column: Column; row: RowProps }) {
  const { item, gone, flash, above, onLeave } = row;
  const field = fieldOf(column);
  const key = field === undefined ? "" : draftKey(item.id, field);
  const draft = field === undefined ? undefined : drafts.value.get(key);
  const editing = draft !== undefined && open.value === key;
  const shown = field !== undefined && flash?.before.has(field) === true ? flash : undefined;
  const editable = mayEdit(field) && !gone;
  const waiting = column === "quantity" ? unconfirmed.value.has(item.id) : false;
  const pending = draft?.state === "saving" || waiting;
  const troubled = draft !== undefined && !editing && draft.state !== "saving";
  const classes = [
    "cell",
    isNumeric(column) && "number",
    column === "name" && "name",
    shown && "flash",
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
        <Editor draft={draft} column={column} above={above} onLeave={(to) => onLeave(item, column, to)} />
      ) : (
        <>
          {column === "quantity" && !gone && may("stock") && <Stepper item={item} by={-1} />}
          <Content item={item} column={column} draft={draft} />
          {shown !== undefined && <Before flash={shown} column={column} item={item} />}
          {column === "name" && <Marks row={row} />}
          {column === "quantity" && !gone && may("stock") && <Stepper item={item} by={1} />}
        </>
      )}
    </div>
  );
}

/** The value; what was typed as long as it isn't confirmed. */
function Content({ item, column, draft }: { item: Item; column: Column; draft: Draft | undefined }) {
  const by = column === "quantity" ? unconfirmed.value.get(item.id) : undefined;
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

function Stepper({ item, by }: { item: Item; by: 1 | -1 }) {
  const label = t(by > 0 ? "inventory.step_up" : "inventory.step_down", { name: item.name });
  return (
    <Button
      kind="plain"
      small
      class="step"
      icon={by > 0 ? "add" : "minus"}
      tabIndex={-1}
      label={label}
      onClick={(event) => {
        moveCursor({ id: item.id, place: "quantity" });
        if (event.shiftKey) dialog.value = { kind: "adjust", items: subjects(item) };
        else stepQuantity(item.id, by);
      }}
    />
  );
}
