// What went wrong: said in words, as a short message, or where something would be that couldn't be read.

import { type ApiProblem, asProblem } from "../api/client";
import { t } from "../i18n";
import { Button } from "./button";
import { toast } from "./toasts";

/** What went wrong, for people: that there was no answer, or what the answer said. */
export function troubleText(problem: ApiProblem): string {
  return problem.status === 0 ? t("common.unreachable") : t("common.failed", { detail: problem.text });
}

/** Says it as a short message. */
export function failed(error: unknown): void {
  toast({ kind: "danger", text: troubleText(asProblem(error)) });
}

interface Props {
  problem: ApiProblem | undefined;
  /** Reads it again. */
  again?: () => unknown;
}

export function Trouble({ problem, again }: Props) {
  if (problem === undefined) return null;
  return (
    <div class="notice danger row spread" role="alert">
      <span>{troubleText(problem)}</span>
      {again !== undefined && (
        <Button small onClick={() => void again()}>
          {t("common.try_again")}
        </Button>
      )}
    </div>
  );
}
