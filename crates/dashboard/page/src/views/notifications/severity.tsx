// How much a notification matters, as a badge: by its word, not only by its colour.

import { t } from "../../i18n";
import { Icon } from "../../ui/icon";
import type { Severity } from "../monitors/sentence";

const KINDS: Record<Severity, string> = { info: "info", warning: "warning", critical: "danger" };

export function SeverityBadge({ severity }: { severity: Severity }) {
  return (
    <span class={`badge ${KINDS[severity]}`}>
      {severity === "critical" && <Icon name="alert" />}
      {t(`notifications.severity_${severity}`)}
    </span>
  );
}
