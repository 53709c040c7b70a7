// Editors of cells at work: open one, save it, choose between two values. A save goes on in the background; if it can't be
// done, its cell says why and keeps what was typed.

import { t } from "../../i18n";
import { whole } from "../../i18n/format";
import { asProblem, type ApiProblem } from "../../api/client";
import type { Item } from "../../live/stock";
import { announce, toast } from "../../ui/toasts";
import { authorOf } from "./authors";
import { begin, type Draft, draftKey, drafts, dropDraft, keepMine, observe, open, putDraft } from "./drafts";
import { draftOf, type Field, type Mistake, read, sameValue, valueIn } from "./fields";
import { lastChangeOf } from "./flashes";
import { patchOf } from "./merging";
import { adjustItem, currentOf, patchItem } from "./writing";

export function mistakeText(mistake: Mistake): string {
  return t(`inventory.${mistake}`);
}

/** Opens the editor of a cell. `text` takes the place of what is there. */
export function startEdit(item: Item, field: Field, text?: string): void {
  const key = draftKey(item.id, field);
  const before = drafts.peek().get(key);
  if (before?.state === "saving") return;
  if (before === undefined) putDraft(begin(item, field, text ?? draftOf(field, valueIn(item, field))));
  open.value = key;
}

export function typed(key: string, text: string): void {
  const draft = drafts.peek().get(key);
  if (draft !== undefined) putDraft({ ...draft, text, state: "typing", wrong: undefined });
}

export function chooseMine(key: string): void {
  const draft = drafts.peek().get(key);
  if (draft === undefined) return;
  putDraft(keepMine(draft));
  void saveEdit(key);
}

function who(item: Item): string | undefined {
  const last = lastChangeOf(item.id);
  return last?.version === item.version ? last.actor : undefined;
}

/** Items have changed: edits that are under way are told. */
export function observeItems(changes: readonly (readonly [number, Item | undefined])[]): void {
  if (drafts.peek().size === 0) return;
  const changed = new Map(changes);
  for (const draft of drafts.peek().values()) {
    if (draft.state === "saving" || !changed.has(draft.id)) continue;
    const now = changed.get(draft.id);
    const seen = observe(draft, now, now && who(now));
    putDraft(seen);
    if (seen.theirs !== undefined && draft.theirs === undefined) announce(t("inventory.conflict_announced"));
  }
}

/** Saves what was typed. Says whether the editor may be left. */
export function saveEdit(key: string): boolean {
  const draft = drafts.peek().get(key);
  if (draft === undefined) return true;
  if (draft.theirs !== undefined || draft.gone) return false;
  const before = valueIn(draft.base, draft.field);
  const outcome = read(draft.field, draft.text, before);
  if (outcome.kind === "mistake") {
    putDraft({ ...draft, state: "failed", wrong: mistakeText(outcome.mistake) });
    return false;
  }
  if (outcome.kind === "value" && sameValue(before, outcome.value)) {
    dropDraft(key);
    return true;
  }
  putDraft({ ...draft, state: "saving", wrong: undefined });
  if (open.peek() === key) open.value = undefined;
  const work = outcome.kind === "adjustment" ? adjustItem(draft.id, outcome.by) : write(draft, outcome.value);
  void work.then(
    () => dropDraft(key),
    (error: unknown) => failed(key, asProblem(error)),
  );
  return true;
}

/** Writes over the version that is known, and over a newer one only if the field is still the same. */
async function write(draft: Draft, value: unknown): Promise<void> {
  const TRIES = 5;
  let base = draft.base;
  for (let tries = 1; ; tries += 1) {
    try {
      const patch = patchOf(base, new Map([[draft.field, value]]));
      if (Object.keys(patch).length > 0) await patchItem(base, patch);
      return;
    } catch (error) {
      const problem = asProblem(error);
      const now = currentOf(problem);
      if (problem.status !== 412 || now === undefined || tries === TRIES) throw problem;
      if (observe({ ...draft, base }, now, undefined).theirs !== undefined) throw problem;
      base = now;
    }
  }
}

/** What went wrong is shown at the cell; its editor opens again unless another one is in use. */
function failed(key: string, problem: ApiProblem): void {
  const draft = drafts.peek().get(key);
  if (draft === undefined) return;
  const kept = failedDraft(draft, problem);
  putDraft(kept);
  if (kept.theirs !== undefined && kept.theirs.actor === undefined) void tellAuthor(key, kept.theirs.item);
  if (open.peek() === undefined) open.value = key;
  else toast({ text: t("inventory.edit_failed", { name: draft.base.name }), kind: "warning" });
}

/** Says who made the other value, as soon as that is known. */
async function tellAuthor(key: string, theirs: Item): Promise<void> {
  const actor = await authorOf(theirs);
  const draft = drafts.peek().get(key);
  if (actor !== undefined && draft?.theirs?.item.version === theirs.version) {
    putDraft({ ...draft, theirs: { ...draft.theirs, actor } });
  }
}

function failedDraft(draft: Draft, problem: ApiProblem): Draft {
  const now = currentOf(problem);
  if (problem.status === 412 && now !== undefined) {
    const seen = observe(draft, now, who(now));
    return { ...seen, state: "failed" };
  }
  if (problem.status === 404) return { ...draft, state: "failed", gone: true };
  return { ...draft, state: "failed", wrong: problemText(problem) };
}

/** A problem as people read it: the ones that happen in daily work in their language. */
export function problemText(problem: ApiProblem): string {
  const now = currentOf(problem);
  if (problem.code === "insufficient_stock" && now !== undefined) {
    return t("inventory.insufficient", { name: now.name, quantity: whole(now.quantity), unit: now.unit });
  }
  if (problem.code === "duplicate_sku") return t("inventory.sku_taken");
  if (problem.status === 0) return t("common.unreachable");
  return problem.errors.length > 0 ? problem.errors.map(({ detail }) => detail).join("; ") : problem.text;
}

export function showProblem(error: unknown): void {
  const problem = asProblem(error);
  const own = problem.code === "insufficient_stock" || problem.code === "duplicate_sku";
  const text = problemText(problem);
  toast({ text: own ? text : t("common.failed", { detail: text }), kind: "danger" });
}
