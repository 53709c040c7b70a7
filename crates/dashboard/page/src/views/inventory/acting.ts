// What keys do in the table, besides moving.

import { may } from "../../api/session";
import type { Item } from "../../live/stock";
import { fieldOf } from "./columns";
import { askAdjust, askDelete, subjects, toggleAll } from "./doing";
import type { Field } from "./fields";
import type { Action } from "./keyboard";
import { rowAt } from "./model";
import { startEdit } from "./saving";
import { sortBy } from "./sorting";
import { dialog, mayAct, mayEdit, type Place, selection, toggleSelected } from "./state";
import { stepQuantity } from "./steps";

/** The field that is edited at a place, if one is. */
export function fieldAt(place: Place): Field | undefined {
  return place === "select" || place === "actions" ? undefined : fieldOf(place);
}

/** Selects both rows: one of them is left, the other one entered. */
export function extend(from: number, to: number): void {
  if (!mayAct()) return;
  const ids = [rowAt(from)?.item.id, rowAt(to)?.item.id].filter((id) => id !== undefined);
  selection.value = new Set([...selection.peek(), ...ids]);
}

/** Says whether the key meant something. */
export function actOnHeader(action: Action, place: Place | undefined): boolean {
  if (action.kind !== "enter" && action.kind !== "select") return false;
  if (place === "select") toggleAll();
  else if (place !== undefined && place !== "actions") sortBy(place);
  return true;
}

/** Says whether the key meant something. */
export function actOnRow(action: Action, item: Item, place: Place, navigate: (to: string) => void): boolean {
  const field = fieldAt(place);
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
      askDelete(subjects(item), action.asks);
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
