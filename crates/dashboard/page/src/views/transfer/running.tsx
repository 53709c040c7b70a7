// While rows are checked or imported: how far it is, and the way to stop it.

import { t } from "../../i18n";
import { whole } from "../../i18n/format";
import { Button } from "../../ui/button";
import { cancel, progress, stage } from "./import-state";

export function Running() {
  const { done, total, waits } = progress.value;
  const isPreview = stage.value === "previewing";
  return (
    <div class="card stack">
      <label for="import-progress">{t(isPreview ? "transfer.checking" : "transfer.importing")}</label>
      <progress id="import-progress" max={Math.max(total, 1)} value={done} />
      <p class="quiet">{t("transfer.progress", { done: whole(done), total: whole(total) })}</p>
      {waits > 0 && (
        <p class="notice warning" role="status">
          {t("transfer.waits", { seconds: Math.ceil(waits) })}
        </p>
      )}
      {!isPreview && <p class="quiet">{t("transfer.cancel_hint")}</p>}
      <div>
        <Button icon="stop" onClick={cancel}>
          {t("common.cancel")}
        </Button>
      </div>
    </div>
  );
}
