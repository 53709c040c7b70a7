// The editor of a cell: Enter and Tab save, Escape leaves. What somebody else does to the cell meanwhile is said at once, and
// then one of both values is chosen.

import { useLayoutEffect, useRef } from "preact/hooks";
import { t } from "../../i18n";
import { nameOf } from "../../live/actors";
import { Button } from "../../ui/button";
import type { Column } from "./columns";
import { Ago, columnTitle, display } from "./display";
import { type Draft, draftKey, dropDraft, open, wished } from "./drafts";
import { draftOf, isAttribute, valueIn } from "./fields";
import { handle } from "./model";
import { chooseMine, saveEdit, typed } from "./saving";

interface Props {
  draft: Draft;
  column: Column;
  /** The row is the last ones that can be seen: what is said goes above it. */
  above: boolean;
  /** The editor was left; Tab goes on to the next cell. */
  onLeave: (to: "here" | "next" | "previous") => void;
}

const LENGTHS: Partial<Record<Column, number>> = { name: 200, sku: 64, unit: 32, description: 4000 };

export function Editor({ draft, column, above, onLeave }: Props) {
  const key = draftKey(draft.id, draft.field);
  const input = useRef<HTMLInputElement>(null);
  const note = useRef<HTMLDivElement>(null);
  useLayoutEffect(() => {
    input.current?.focus();
    // What somebody began to type goes on behind it.
    if (draft.text === draftOf(draft.field, valueIn(draft.base, draft.field))) input.current?.select();
  }, []);
  const leave = (to: "here" | "next" | "previous"): void => {
    if (saveEdit(key)) onLeave(to);
    else note.current?.querySelector("button")?.focus();
  };
  const pressed = (event: KeyboardEvent): void => {
    handle();
    event.stopPropagation();
    if (event.isComposing) return;
    if (event.key === "Escape") {
      dropDraft(key);
      onLeave("here");
    } else if (event.target === input.current && (event.key === "Enter" || event.key === "Tab")) {
      event.preventDefault();
      leave(event.key === "Enter" ? "here" : event.shiftKey ? "previous" : "next");
    }
  };
  const left = (event: FocusEvent): void => {
    const within = event.currentTarget as HTMLElement;
    // The window lost the focus, or it is still in here.
    if (document.activeElement === input.current || within.contains(event.relatedTarget as Node | null)) return;
    if (open.peek() === key && !saveEdit(key)) open.value = undefined;
  };
  const wrong = draft.wrong ?? (draft.gone ? t("inventory.gone") : undefined);
  const troubled = wrong !== undefined || draft.theirs !== undefined;
  return (
    <div class="editor" onKeyDown={pressed} onFocusOut={left}>
      <input
        ref={input}
        class="input"
        value={draft.text}
        maxLength={isAttribute(column) ? undefined : LENGTHS[column]}
        inputMode={column === "price" ? "decimal" : undefined}
        aria-label={t("inventory.editing", { column: columnTitle(column), name: draft.base.name })}
        aria-invalid={troubled ? true : undefined}
        aria-describedby={troubled ? `note-${draft.id}` : undefined}
        onInput={(event) => typed(key, event.currentTarget.value)}
      />
      {troubled && (
        <div ref={note} id={`note-${draft.id}`} class={above ? "editor-note above" : "editor-note"} role="alert">
          {draft.theirs !== undefined ? (
            <ConflictNote draft={draft} column={column} onLeave={onLeave} />
          ) : (
            <span class="wrong">{wrong}</span>
          )}
        </div>
      )}
    </div>
  );
}

/** Both values, who made the other one and when, and the choice. */
function ConflictNote({ draft, column, onLeave }: Pick<Props, "draft" | "column" | "onLeave">) {
  const key = draftKey(draft.id, draft.field);
  const { theirs } = draft;
  if (theirs === undefined) return null;
  const value = display(column, valueIn(theirs.item, draft.field));
  const mine = wished(draft);
  return (
    <>
      <p>
        <strong>
          {theirs.actor === undefined
            ? t("inventory.changed_meanwhile")
            : t("inventory.changed_meanwhile_by", { who: nameOf(theirs.actor) })}
        </strong>{" "}
        <Ago at={theirs.item.updated_at} />
      </p>
      <dl>
        <dt>{t("inventory.theirs")}</dt>
        <dd>{value === "" ? t("common.none") : value}</dd>
        <dt>{t("inventory.mine")}</dt>
        <dd>{mine === undefined ? draft.text : display(column, mine) || t("common.none")}</dd>
      </dl>
      <div class="row">
        <Button
          small
          onClick={() => {
            chooseMine(key);
            onLeave("here");
          }}
        >
          {t("inventory.keep_mine")}
        </Button>
        <Button
          small
          onClick={() => {
            dropDraft(key);
            onLeave("here");
          }}
        >
          {t("inventory.take_theirs")}
        </Button>
      </div>
    </>
  );
}
