// Makes a monitor; `?item=7` begins with that item.

import { useEffect, useState } from "preact/hooks";
import { useSearch } from "wouter-preact";
import { navigate } from "wouter-preact/use-browser-location";
import { type ApiProblem, api, asProblem, good } from "../../api/client";
import { may } from "../../api/session";
import { t } from "../../i18n";
import { Button } from "../../ui/button";
import { toast } from "../../ui/toasts";
import { definitionOf, type Draft, newDraft } from "./draft";
import { Form } from "./form";
import { Trial } from "./trial";
import { troubleText } from "../../ui/trouble";

/** The time zone of this browser. */
export function hereZone(): string {
  return Intl.DateTimeFormat().resolvedOptions().timeZone;
}

function begin(search: string): Draft {
  const item = Number(new URLSearchParams(search).get("item"));
  const draft = newDraft(hereZone());
  return Number.isSafeInteger(item) && item > 0 ? { ...draft, scope: "item", item } : draft;
}

export function NewMonitor() {
  const search = useSearch();
  const [draft, setDraft] = useState(() => begin(search));
  const [problem, setProblem] = useState<ApiProblem>();
  const [busy, setBusy] = useState(false);
  if (!may("monitors")) return <p class="empty">{t("common.not_allowed")}</p>;
  const create = async (): Promise<void> => {
    setBusy(true);
    try {
      const made = await good(api.POST("/api/v1/monitors", { body: definitionOf(draft) }));
      toast({ kind: "good", text: t("monitors.made", { name: made.name }) });
      navigate(`/monitors/${made.id}`);
    } catch (error) {
      setProblem(asProblem(error));
      setBusy(false);
    }
  };
  return (
    <form
      class="stack"
      noValidate
      onSubmit={(event) => {
        event.preventDefault();
        void create();
      }}
    >
      <h1>{t("monitors.new")}</h1>
      <Form isNew draft={draft} onDraft={setDraft} problem={problem} />
      <FormProblem problem={problem} />
      <div class="row form-actions">
        <Button type="submit" kind="primary" disabled={busy}>
          {t("monitors.make")}
        </Button>
        <Button onClick={() => navigate("/monitors")}>{t("common.cancel")}</Button>
      </div>
      <Trial draft={draft} onProblem={setProblem} />
    </form>
  );
}

/** What is wrong, all of it: fields say only what is theirs. */
export function FormProblem({ problem }: { problem: ApiProblem | undefined }) {
  useEffect(() => {
    // Whoever sent the form is taken to the first field that must be seen to.
    document.querySelector<HTMLElement>("form [aria-invalid=true]")?.focus();
  }, [problem]);
  if (problem === undefined) return null;
  return (
    <p class="notice danger" role="alert">
      {troubleText(problem)}
    </p>
  );
}
