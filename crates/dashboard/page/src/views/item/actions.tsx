// What can be done with the item from its page: the same dialogs as in the inventory, and bringing it back.

import { useEffect, useState } from "preact/hooks";
import { api, good } from "../../api/client";
import { may } from "../../api/session";
import { t } from "../../i18n";
import type { Item } from "../../live/stock";
import { Button } from "../../ui/button";
import { toast } from "../../ui/toasts";
import { Dialogs } from "../inventory/dialogs";
import { askAdjust, askDelete } from "../inventory/doing";
import { startModel } from "../inventory/model";
import { closeDialog, dialog } from "../inventory/state";
import { failed } from "../../ui/trouble";

export function Actions({ item, deleted }: { item: Item; deleted: boolean }) {
  // No dialog stays open behind whoever leaves.
  useEffect(() => closeDialog, []);
  if (deleted) return may("items") ? <Restore item={item} /> : null;
  const edit = (): void => {
    dialog.value = { kind: "edit", item };
  };
  return (
    <div class="row">
      {may("stock") && (
        <Button kind="primary" onClick={() => askAdjust([item])}>
          {t("inventory.adjust")}
        </Button>
      )}
      {may("items") && (
        <>
          <Button icon="edit" onClick={edit}>
            {t("common.edit")}
          </Button>
          <Button icon="trash" label={t("common.delete")} onClick={() => askDelete([item])} />
        </>
      )}
      {dialog.value !== undefined && <Opened />}
    </div>
  );
}

/** The dialogs follow the inventory's rows, which nobody else keeps up here. */
function Opened() {
  const [stop] = useState(startModel);
  useEffect(() => stop, [stop]);
  return <Dialogs />;
}

function Restore({ item }: { item: Item }) {
  const [busy, setBusy] = useState(false);
  const restore = async (): Promise<void> => {
    setBusy(true);
    try {
      await good(api.POST("/api/v1/items/{id}/restore", { params: { path: { id: item.id } } }));
      toast({ kind: "good", text: t("item.restored_toast", { name: item.name }) });
    } catch (error) {
      failed(error);
    } finally {
      setBusy(false);
    }
  };
  return (
    <Button kind="primary" icon="undo" disabled={busy} onClick={restore}>
      {t("item.restore")}
    </Button>
  );
}
