// What went wrong with reading something, where it would be, and a way to try again.

import type { ApiProblem } from "../api/client";
import { t } from "../i18n";
import { Button } from "./button";

export function Trouble({ problem, again }: { problem: ApiProblem; again: () => unknown }) {
  const text = problem.status === 0 ? t("common.unreachable") : t("common.failed", { detail: problem.text });
  return (
    <div class="notice danger row spread" role="alert">
      <span>{text}</span>
      <Button small onClick={() => void again()}>
        {t("common.try_again")}
      </Button>
    </div>
  );
}
