// The dialogs of the inventory: which one is open.

import { useSignal } from "@preact/signals";
import { t } from "../../i18n";
import type { Key } from "../../i18n";
import type { Item } from "../../live/stock";
import { Button } from "../../ui/button";
import { Dialog } from "../../ui/dialog";
import { TextField } from "../../ui/field";
import { AdjustDialog } from "./adjust-dialog";
import { ColumnsDialog } from "./columns-dialog";
import { deleteMany } from "./doing";
import { ItemDialog } from "./item-dialog";
import { closeDialog, dialog } from "./state";

export function Dialogs() {
  const open = dialog.value;
  switch (open?.kind) {
    case undefined:
      return null;
    case "create":
      return <ItemDialog item={undefined} />;
    case "edit":
      return <ItemDialog key={open.item.id} item={open.item} />;
    case "adjust":
      return <AdjustDialog items={open.items} />;
    case "delete":
      return <DeleteDialog items={open.items} />;
    case "columns":
      return <ColumnsDialog />;
    case "keys":
      return <KeysDialog />;
  }
}

function DeleteDialog({ items }: { items: readonly Item[] }) {
  const reason = useSignal("");
  const act = (): void => {
    closeDialog();
    void deleteMany(items, reason.value);
  };
  return (
    <Dialog
      title={t("inventory.delete_title", { count: items.length })}
      onClose={closeDialog}
      onSubmit={act}
      actions={
        <>
          <Button onClick={closeDialog}>{t("common.cancel")}</Button>
          <Button type="submit" kind="danger">
            {t("common.delete")}
          </Button>
        </>
      }
    >
      <p>{t("inventory.delete_hint")}</p>
      <TextField
        label={`${t("common.reason")} (${t("common.optional")})`}
        value={reason.value}
        maxLength={500}
        onText={(text) => (reason.value = text)}
      />
    </Dialog>
  );
}

const KEYS: readonly (readonly [string, Key])[] = [
  ["↑ ↓ ← →", "inventory.key_move"],
  ["Home End", "inventory.key_row"],
  ["Ctrl+Home Ctrl+End", "inventory.key_ends"],
  ["PageUp PageDown", "inventory.key_page"],
  ["Enter F2", "inventory.key_edit"],
  ["0 … 9", "inventory.key_type"],
  ["Enter Tab", "inventory.key_save"],
  ["Escape", "inventory.key_leave"],
  ["+ -", "inventory.key_step"],
  ["a", "inventory.key_adjust"],
  ["e", "inventory.key_edit_all"],
  ["o", "inventory.key_open"],
  ["Space Shift+↑ Shift+↓", "inventory.key_select"],
  ["Ctrl+A", "inventory.key_select_all"],
  ["Delete", "inventory.key_delete"],
  ["Shift+Delete", "inventory.key_delete_reason"],
  ["/", "inventory.key_search"],
  ["n", "inventory.key_new"],
  ["r", "inventory.key_reorder"],
  ["?", "inventory.key_help"],
];

function KeysDialog() {
  return (
    <Dialog title={t("inventory.keys")} onClose={closeDialog}>
      <table class="plain-table keys">
        <tbody>
          {KEYS.map(([keys, does]) => (
            <tr key={does}>
              <th scope="row">
                {keys.split(/ (?!…)(?<!… )/).map((key) => (
                  <kbd key={key}>{key}</kbd>
                ))}
              </th>
              <td>{t(does)}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </Dialog>
  );
}
