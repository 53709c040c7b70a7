// One monitor.

import { useCallback } from "preact/hooks";
import { t } from "../../i18n";
import { monitors } from "../../live/stock";
import { may } from "../../api/session";
import { Numbers, itemName, useStatus } from "./list";
import { RunButtons, StateBadge } from "./run";
import { conditionText, scopeText } from "./sentence";

export function NewMonitor() {
  return <h1>{t("monitors.new")}</h1>;
}

export function EditMonitor({ id }: { id: number }) {
  const status = useStatus();
  const monitor = monitors.state.value.rows.get(id);
  const line = useCallback(() => status.value?.lines.get(id), [status.value, id])();
  if (monitor === undefined) return <p class="empty">{t("common.not_found")}</p>;
  return (
    <>
      <h1>{monitor.name}</h1>
      <div class="row">
        <StateBadge state={monitor.state} />
        {may("monitors") && <RunButtons monitor={monitor} />}
      </div>
      <p>
        {conditionText(monitor.condition, monitor.measure)} · {scopeText(monitor.scope, itemName)}
      </p>
      <Numbers monitor={monitor} line={line} />
    </>
  );
}
