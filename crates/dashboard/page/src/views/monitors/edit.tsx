// The page of one monitor: how it does, its form, what it would have raised.

import { useCallback, useEffect, useState } from "preact/hooks";
import { navigate } from "wouter-preact/use-browser-location";
import { type ApiProblem, api, asProblem, good, tagOf } from "../../api/client";
import { may } from "../../api/session";
import { t } from "../../i18n";
import { type Monitor, monitors } from "../../live/stock";
import { Button } from "../../ui/button";
import { toast } from "../../ui/toasts";
import { failed, troubleText } from "../../ui/trouble";
import { SeverityBadge } from "../notifications/severity";
import { useAsked } from "./asked";
import { Confirm } from "./confirm";
import { Conflict } from "./conflict";
import { contested, type Draft, draftOf, patchOf, rebased } from "./draft";
import { Form } from "./form";
import { Numbers, useStatus } from "./list";
import { itemName } from "./names";
import { FormProblem, hereZone } from "./new";
import { RunButtons, StateBadge } from "./run";
import { conditionText, scopeText } from "./sentence";
import { Trial } from "./trial";

export function EditMonitor({ id }: { id: number }) {
  const ask = useCallback(() => good(api.GET("/api/v1/monitors/{id}", { params: { path: { id } } })), [id]);
  const asked = useAsked(ask);
  const { rows, deleted } = monitors.state.value;
  const monitor = rows.get(id) ?? (deleted.has(id) ? undefined : asked.value);
  if (monitor !== undefined) return <MonitorPage monitor={monitor} />;
  if (deleted.has(id)) return <p class="empty">{t("monitors.deleted")}</p>;
  if (asked.problem === undefined) return <p class="empty">{t("common.loading")}</p>;
  const isGone = asked.problem.status === 404;
  return <p class="empty">{isGone ? t("common.not_found") : troubleText(asked.problem)}</p>;
}

function MonitorPage({ monitor }: { monitor: Monitor }) {
  const status = useStatus();
  return (
    <>
      <div class="row spread">
        <div class="row">
          <h1>{monitor.name}</h1>
          <StateBadge state={monitor.state} />
          <SeverityBadge severity={monitor.severity} />
          {monitor.built_in !== null && <span class="badge">{t("monitors.built_in")}</span>}
        </div>
        {may("monitors") && (
          <div class="row">
            <RunButtons monitor={monitor} />
            {monitor.built_in === null && <Delete monitor={monitor} />}
          </div>
        )}
      </div>
      <p>
        {conditionText(monitor.condition, monitor.measure)} · {scopeText(monitor.scope, itemName)}
      </p>
      <Numbers monitor={monitor} line={status.value?.lines.get(monitor.id)} />
      {may("monitors") ? <Edit live={monitor} /> : <Trial draft={draftOf(monitor, hereZone())} />}
    </>
  );
}

/** The monitor that a draft changes, and the draft. */
interface Edited {
  readonly base: Monitor;
  readonly draft: Draft;
}

function useEdited(live: Monitor) {
  const [edited, setEdited] = useState<Edited>(() => ({ base: live, draft: draftOf(live, hereZone()) }));
  const { base, draft } = edited;
  const patch = patchOf(base, draft);
  const isContested = contested(base, live, patch).length > 0;
  useEffect(() => {
    if (live.version <= base.version || isContested) return;
    // What somebody else changed, and nobody here, is taken over as it comes.
    setEdited({ base: live, draft: rebased(base, live, draft) });
  }, [live.version]);
  return { base, draft, patch, isContested, setEdited };
}

function Edit({ live }: { live: Monitor }) {
  const { base, draft, patch, isContested, setEdited } = useEdited(live);
  const [problem, setProblem] = useState<ApiProblem>();
  const [theirs, setTheirs] = useState<Monitor>();
  const [busy, setBusy] = useState(false);
  const isChanged = Object.keys(patch).length > 0;

  const save = async (edited: Edited): Promise<void> => {
    setBusy(true);
    setTheirs(undefined);
    const { id, version } = edited.base;
    const params = { path: { id }, header: { "If-Match": tagOf(version) } };
    try {
      const body = patchOf(edited.base, edited.draft);
      const saved = await good(api.PATCH("/api/v1/monitors/{id}", { params, body }));
      setEdited({ base: saved, draft: draftOf(saved, hereZone()) });
      setProblem(undefined);
      toast({ kind: "good", text: t("monitors.saved") });
    } catch (error) {
      const wrong = asProblem(error);
      if (wrong.status === 412 && wrong.current != null) setTheirs(wrong.current as Monitor);
      else setProblem(wrong);
    }
    setBusy(false);
  };
  const reset = (monitor: Monitor): void => {
    setEdited({ base: monitor, draft: draftOf(monitor, hereZone()) });
    setProblem(undefined);
    setTheirs(undefined);
  };
  const keepMine = (now: Monitor): void => {
    const next = { base: now, draft: rebased(base, now, draft) };
    setEdited(next);
    void save(next);
  };
  return (
    <form
      class="stack"
      noValidate
      onSubmit={(event) => {
        event.preventDefault();
        void save({ base, draft });
      }}
    >
      {isContested && <p class="notice warning">{t("monitors.contested")}</p>}
      <Form
        draft={draft}
        onDraft={(next) => setEdited({ base, draft: next })}
        problem={problem}
        fixed={base.built_in !== null}
      />
      <FormProblem problem={problem} />
      <div class="row form-actions">
        <Button type="submit" kind="primary" disabled={!isChanged || busy}>
          {t("common.save")}
        </Button>
        <Button disabled={!isChanged} onClick={() => reset(live)}>
          {t("monitors.discard")}
        </Button>
      </div>
      <Trial draft={draft} onProblem={setProblem} />
      {theirs !== undefined && (
        <Conflict
          base={base}
          draft={draft}
          theirs={theirs}
          onMine={() => keepMine(theirs)}
          onTheirs={() => reset(theirs)}
          onClose={() => setTheirs(undefined)}
        />
      )}
    </form>
  );
}

function Delete({ monitor }: { monitor: Monitor }) {
  const [isOpen, setOpen] = useState(false);
  const go = (): void => {
    const params = { path: { id: monitor.id }, header: { "If-Match": tagOf(monitor.version) } };
    good(api.DELETE("/api/v1/monitors/{id}", { params })).then(() => {
      toast({ kind: "good", text: t("monitors.is_deleted", { name: monitor.name }) });
      navigate("/monitors");
    }, failed);
  };
  return (
    <>
      <Button small icon="trash" onClick={() => setOpen(true)}>
        {t("common.delete")}
      </Button>
      {isOpen && (
        <Confirm
          title={t("monitors.delete_title", { name: monitor.name })}
          text={t("monitors.delete_hint")}
          action={t("common.delete")}
          onConfirm={go}
          onClose={() => setOpen(false)}
        />
      )}
    </>
  );
}
