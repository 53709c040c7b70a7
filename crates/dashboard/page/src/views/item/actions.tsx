// What can be done with the item from its page.

import { useState } from "preact/hooks";
import { Link } from "wouter-preact";
import { api, asProblem, good } from "../../api/client";
import { may } from "../../api/session";
import { t } from "../../i18n";
import type { Item } from "../../live/stock";
import { Button } from "../../ui/button";
import { Icon } from "../../ui/icon";
import { toast } from "../../ui/toasts";

export function Actions({ item, deleted }: { item: Item; deleted: boolean }) {
  if (deleted) return may("items") ? <Restore item={item} /> : null;
  if (!may("stock") && !may("items")) return null;
  return (
    <Link class="button" href={`/?q=${encodeURIComponent(item.sku ?? item.name)}`}>
      <Icon name="edit" />
      {t("item.change_in_inventory")}
    </Link>
  );
}

function Restore({ item }: { item: Item }) {
  const [busy, setBusy] = useState(false);
  const restore = async (): Promise<void> => {
    setBusy(true);
    try {
      await good(api.POST("/api/v1/items/{id}/restore", { params: { path: { id: item.id } } }));
      toast({ kind: "good", text: t("item.restored_toast", { name: item.name }) });
    } catch (error) {
      toast({ kind: "danger", text: t("common.failed", { detail: asProblem(error).text }) });
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
