// Data sources: where prices and quantities come from, how each of them does, and which one counts.

import { useState } from "preact/hooks";
import { api, good, tagOf } from "../../api/client";
import { may } from "../../api/session";
import { t } from "../../i18n";
import { ago, moment, whole } from "../../i18n/format";
import { Button } from "../../ui/button";
import { now } from "../../ui/clock";
import { failed, troubleText } from "../../ui/trouble";
import { allOf, useAsked } from "./asked";
import { Confirm } from "./confirm";
import { Preview } from "./preview";
import { duration } from "./sentence";
import { SourceDialog } from "./source-dialog";
import type { Source } from "./source-draft";

const EVERY = 4000;
const KINDS: Record<Source["state"], string> = {
  ok: "good",
  failing: "warning",
  open: "danger",
  half_open: "warning",
  stopped: "",
  never_ran: "info",
};

function readSources(): Promise<Source[]> {
  return allOf((query) => good(api.GET("/api/v1/sources", { params: { query } })));
}

export function Sources() {
  const { value, problem, again } = useAsked(readSources, EVERY);
  const [edited, setEdited] = useState<"new" | Source>();
  const [previewed, setPreviewed] = useState<Source>();
  const saved = (source: Source, isNew: boolean): void => {
    setEdited(undefined);
    again();
    // Before a new one changes anything, one sees what it would change.
    if (isNew) setPreviewed(source);
  };
  return (
    <>
      <div class="row spread">
        <h1>{t("monitors.sources")}</h1>
        {may("items") && (
          <Button kind="primary" icon="add" onClick={() => setEdited("new")}>
            {t("monitors.new_source")}
          </Button>
        )}
      </div>
      <p class="quiet">{t("monitors.sources_hint")}</p>
      {problem !== undefined && <p class="notice danger">{troubleText(problem)}</p>}
      {value === undefined && problem === undefined && <p class="empty">{t("common.loading")}</p>}
      {value?.length === 0 && <p class="empty">{t("monitors.no_sources")}</p>}
      <ul class="monitor-list">
        {value?.map((source) => (
          <Row
            key={source.id}
            source={source}
            again={again}
            edit={() => setEdited(source)}
            preview={() => setPreviewed(source)}
          />
        ))}
      </ul>
      {edited !== undefined && (
        <SourceDialog
          source={edited === "new" ? undefined : edited}
          onClose={() => setEdited(undefined)}
          onSaved={saved}
        />
      )}
      {previewed !== undefined && (
        <Preview
          source={value?.find((source) => source.id === previewed.id) ?? previewed}
          onClose={() => setPreviewed(undefined)}
          onPushed={again}
        />
      )}
    </>
  );
}

interface RowProps {
  source: Source;
  again: () => void;
  edit: () => void;
  preview: () => void;
}

function Row({ source, again, edit, preview }: RowProps) {
  return (
    <li class="card monitor">
      <div class="stack monitor-words">
        <div class="row">
          <span class="monitor-name">{source.name}</span>
          <span class={`badge ${KINDS[source.state]}`}>{t(`monitors.source_${source.state}`)}</span>
          <span class="badge">{t(`monitors.kind_${source.kind}`)}</span>
          <span class="badge">{source.format.toUpperCase()}</span>
          <span class="quiet">{t("monitors.priority_is", { priority: source.priority })}</span>
        </div>
        {source.url != null && <p class="mono">{source.url}</p>}
        <Health source={source} />
      </div>
      {may("items") && <Actions source={source} again={again} edit={edit} preview={preview} />}
    </li>
  );
}

function Health({ source }: { source: Source }) {
  const { last_success_at: success, last_error: wrong, last_run: run, next_run_at: next } = source;
  return (
    <>
      <p class="row quiet">
        {source.interval_seconds != null && (
          <span>{t("monitors.every", { time: duration(source.interval_seconds) })}</span>
        )}
        {success !== null && (
          <time dateTime={success} title={moment(success)}>
            {t("monitors.last_success", { time: ago(success, now.value) })}
          </time>
        )}
        {next !== null && <span>{t("monitors.next_run", { time: ago(next, now.value) })}</span>}
        {run !== null && (
          <span>
            {t("monitors.last_run", { read: whole(run.read), applied: whole(run.applied), wrong: whole(run.invalid) })}
          </span>
        )}
      </p>
      {wrong !== null && (
        <p class="notice danger">
          {wrong} {t("monitors.failures", { count: source.consecutive_failures })}
        </p>
      )}
    </>
  );
}

function Actions({ source, again, edit, preview }: RowProps) {
  const [asked, setAsked] = useState(false);
  const { id, version } = source;
  const params = { params: { path: { id } } };
  const run = (): void => {
    good(api.POST("/api/v1/sources/{id}/run", params)).then(again, failed);
  };
  const toggle = (): void => {
    const path = source.enabled ? "/api/v1/sources/{id}/stop" : "/api/v1/sources/{id}/start";
    good(api.POST(path, params)).then(again, failed);
  };
  const remove = (): void => {
    const header = { "If-Match": tagOf(version) };
    good(api.DELETE("/api/v1/sources/{id}", { params: { path: { id }, header } })).then(again, failed);
  };
  return (
    <div class="row monitor-actions">
      <Button small icon={source.enabled ? "stop" : "play"} onClick={toggle}>
        {source.enabled ? t("monitors.stop") : t("monitors.start")}
      </Button>
      {source.kind === "pull" && source.enabled && (
        <Button small icon="undo" onClick={run}>
          {t("monitors.run_now")}
        </Button>
      )}
      <Button small icon="eye" onClick={preview}>
        {source.kind === "pull" ? t("monitors.preview") : t("monitors.preview_push")}
      </Button>
      <Button small icon="edit" onClick={edit}>
        {t("common.edit")}
      </Button>
      <Button small icon="trash" onClick={() => setAsked(true)}>
        {t("common.delete")}
      </Button>
      {asked && (
        <Confirm
          title={t("monitors.channel_delete_title", { name: source.name })}
          text={t("monitors.source_delete_hint")}
          action={t("common.delete")}
          onConfirm={remove}
          onClose={() => setAsked(false)}
        />
      )}
    </div>
  );
}
