// Says that a request was refused, as a short message.

import { asProblem } from "../../api/client";
import { t } from "../../i18n";
import { toast } from "../../ui/toasts";

export function failed(error: unknown): void {
  const problem = asProblem(error);
  const text = problem.status === 0 ? t("common.unreachable") : t("common.failed", { detail: problem.text });
  toast({ kind: "danger", text });
}
