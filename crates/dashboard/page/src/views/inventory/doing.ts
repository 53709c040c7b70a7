// What is done with whole items: deleted and brought back, selected ones together, and the dialogs for it.

import { t } from "../../i18n";
import { asProblem, ApiProblem } from "../../api/client";
import { may } from "../../api/session";
import type { Item } from "../../live/stock";
import { toast } from "../../ui/toasts";
import { itemOf, shown } from "./model";
import { problemText, showProblem } from "./saving";
import { dialog, selection } from "./state";
import { adjustItem, currentOf, deleteItem, restoreItem, withEach } from "./writing";

/** What a row's action is for: the selected rows if it is one of them, else the row alone. */
export function subjects(item: Item): readonly Item[] {
  if (!selection.peek().has(item.id)) return [item];
  return [...selection.peek()].map(itemOf).filter((one) => one !== undefined);
}

/** One is deleted at once, since that can be undone, unless a reason is to be given; of several, a dialog says how many. */
export function askDelete(items: readonly Item[], asks = false): void {
  if (!may("items") || items.length === 0) return;
  const [first] = items;
  if (items.length === 1 && !asks && first !== undefined) void deleteOne(first);
  else dialog.value = { kind: "delete", items };
}

export function askAdjust(items: readonly Item[]): void {
  if (may("stock") && items.length > 0) dialog.value = { kind: "adjust", items };
}

async function deleteOne(item: Item): Promise<void> {
  try {
    await deleteItem(item);
    deselect([item]);
    offerUndo([item]);
  } catch (error) {
    const problem = asProblem(error);
    const now = currentOf(problem);
    if (problem.status !== 412 || now === undefined) {
      showProblem(problem);
      return;
    }
    toast({
      text: t("inventory.changed_before_delete", { name: item.name }),
      kind: "warning",
      action: { label: t("inventory.delete_anyway"), run: () => void deleteOne(itemOf(item.id) ?? now) },
    });
  }
}

function deselect(items: readonly Item[]): void {
  const left = new Set(selection.peek());
  for (const { id } of items) left.delete(id);
  selection.value = left;
}

function offerUndo(items: readonly Item[]): void {
  const [first] = items;
  if (first === undefined) return;
  const text =
    items.length === 1
      ? t("inventory.deleted_item", { name: first.name })
      : t("inventory.deleted_many", { count: items.length });
  toast({ text, action: { label: t("common.undo"), run: () => void restore(items) }, lasts: 20_000 });
}

async function restore(items: readonly Item[]): Promise<void> {
  const problems = await withEach(items, ({ id }) => restoreItem(id));
  report(problems, items.length, () => t("inventory.restored", { count: items.length - problems.length }));
}

export async function deleteMany(items: readonly Item[], reason: string): Promise<void> {
  const done: Item[] = [];
  const problems = await withEach(items, async (item) => {
    await deleteItem(itemOf(item.id) ?? item, reason);
    done.push(item);
  });
  deselect(done);
  offerUndo(done);
  report(problems, items.length, undefined);
}

export async function adjustMany(items: readonly Item[], by: number, reason: string): Promise<void> {
  const problems = await withEach(items, ({ id }) => adjustItem(id, by, reason));
  report(problems, items.length, () => t("inventory.adjusted", { count: items.length - problems.length }));
}

/** Says how it went: what failed first, and how much did. */
function report(problems: readonly ApiProblem[], all: number, good: (() => string) | undefined): void {
  const [first] = problems;
  if (first === undefined) {
    if (good !== undefined) toast({ text: good(), kind: "good" });
  } else {
    const detail = problemText(first);
    toast({ text: t("inventory.some_failed", { failed: problems.length, all, detail }), kind: "danger" });
  }
}

/** Selects everything that is shown, or nothing if everything is selected. */
export function toggleAll(): void {
  const ids = shown.peek().map(({ id }) => id);
  const whole = ids.length > 0 && ids.every((id) => selection.peek().has(id));
  selection.value = new Set(whole ? [] : ids);
}
