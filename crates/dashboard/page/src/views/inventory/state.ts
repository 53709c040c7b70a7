// Where the keyboard is in the table, what is selected, and which dialog is open.

import { type Signal, signal } from "@preact/signals";
import { may } from "../../api/session";
import type { Item } from "../../live/stock";
import type { Column } from "./columns";
import type { Field } from "./fields";

/** A column of the table: also the one to select with, and the one with what can be done. */
export type Place = Column | "select" | "actions";

/** The header's row. */
export const HEADER = 0;

export interface Cursor {
  /** The item's id, or HEADER. */
  readonly id: number;
  readonly place: Place;
}

export const cursor: Signal<Cursor | undefined> = signal(undefined);

/** The focus follows the cursor, once what it is at is drawn. */
export const wantsFocus: { now: boolean } = { now: false };

export function moveCursor(to: Cursor): void {
  wantsFocus.now = true;
  // Another object each time: the focus may have been elsewhere.
  cursor.value = { ...to };
}

/** The row that a mouse points at: it shows what can be done with it. */
export const pointed: Signal<number | undefined> = signal(undefined);

export const selection: Signal<ReadonlySet<number>> = signal(new Set());

export function toggleSelected(id: number): void {
  const now = new Set(selection.peek());
  if (!now.delete(id)) now.add(id);
  selection.value = now;
}

export type OpenDialog =
  | { readonly kind: "create" | "keys" | "columns" }
  | { readonly kind: "edit"; readonly item: Item }
  | { readonly kind: "adjust" | "delete"; readonly items: readonly Item[] };

export const dialog: Signal<OpenDialog | undefined> = signal(undefined);

export function closeDialog(): void {
  dialog.value = undefined;
}

/** Whether whoever is here may change the field. */
export function mayEdit(field: Field | undefined): boolean {
  if (field === undefined) return false;
  return may("items") || (field === "quantity" && may("stock"));
}

/** Whether whoever is here may do something with rows. */
export function mayAct(): boolean {
  return may("items") || may("stock");
}
