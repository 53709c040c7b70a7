// What a monitor would have raised within a while, and what it would raise now: asked before it is saved.

import { useState } from "preact/hooks";
import { Link } from "wouter-preact";
import { type ApiProblem, api, asProblem, good } from "../../api/client";
import type { components } from "../../api/schema.gen";
import { t } from "../../i18n";
import { moment, whole } from "../../i18n/format";
import { Button } from "../../ui/button";
import { ChoiceField, TextField } from "../../ui/field";
import { SeverityBadge } from "../notifications/severity";
import { definitionOf, type Draft, same } from "./draft";
import { amount, duration } from "./sentence";
import { troubleText } from "../../ui/trouble";

type Result = components["schemas"]["MonitorTest"];
type Raised = Result["notifications"][number];

const HOUR = 3600;
const PERIODS = [HOUR, 24 * HOUR, 7 * 24 * HOUR, 30 * 24 * HOUR, 90 * 24 * HOUR] as const;

/** The beginning of a period, or of what was chosen. */
function sinceOf(period: string, chosen: string): string {
  const at = period === "" ? new Date(chosen) : new Date(Date.now() - Number(period) * 1000);
  return Number.isNaN(at.getTime()) ? chosen : at.toISOString();
}

export function Trial({ draft, onProblem }: { draft: Draft; onProblem?: (problem: ApiProblem | undefined) => void }) {
  const [period, setPeriod] = useState<string>(String(PERIODS[2]));
  const [since, setSince] = useState("");
  const [tried, setTried] = useState<{ draft: Draft; result: Result }>();
  const [problem, setProblem] = useState<ApiProblem>();
  const [busy, setBusy] = useState(false);
  const run = async (): Promise<void> => {
    setBusy(true);
    // Its name doesn't matter for what it raises.
    const named = { ...definitionOf(draft), name: draft.name.trim() === "" ? t("monitors.new") : draft.name };
    try {
      const body = { ...named, since: sinceOf(period, since) };
      const result = await good(api.POST("/api/v1/monitors/test", { body }));
      setTried({ draft, result });
      setProblem(undefined);
      onProblem?.(undefined);
    } catch (error) {
      const wrong = asProblem(error);
      setProblem(wrong);
      onProblem?.(wrong.errors.length > 0 ? wrong : undefined);
    }
    setBusy(false);
  };
  return (
    <section class="card stack" aria-label={t("monitors.trial")}>
      <h2>{t("monitors.trial")}</h2>
      <div class="row trial-fields">
        <ChoiceField
          label={t("monitors.period")}
          value={period}
          choices={[
            ...PERIODS.map((seconds) => ({
              value: String(seconds),
              text: t("monitors.last", { time: duration(seconds) }),
            })),
            { value: "", text: t("monitors.since_chosen") },
          ]}
          onChoice={setPeriod}
        />
        {period === "" && (
          <TextField
            type="datetime-local"
            label={t("notifications.since")}
            value={since}
            onText={setSince}
            wrong={problem?.of("since")}
          />
        )}
        <Button icon="play" disabled={busy || (period === "" && since === "")} onClick={run}>
          {busy ? t("common.loading") : t("monitors.try_out")}
        </Button>
      </div>
      {problem !== undefined && (
        <p class="notice danger" role="alert">
          {troubleText(problem)}
        </p>
      )}
      {tried !== undefined && <Outcome result={tried.result} isOld={!same(tried.draft, draft)} />}
    </section>
  );
}

function Outcome({ result, isOld }: { result: Result; isOld: boolean }) {
  const { notifications } = result;
  return (
    <div class="stack" role="status">
      {isOld && <p class="notice warning">{t("monitors.trial_old")}</p>}
      <p>
        <strong>{t("monitors.would_raise", { count: result.raised })}</strong>{" "}
        {t("monitors.would_raise_in", { since: moment(result.since), changes: whole(result.changes) })}
      </p>
      <p>{t("monitors.raised_right_now", { count: result.raised_now })}</p>
      {!result.complete && <p class="notice warning">{t("monitors.trial_incomplete")}</p>}
      {notifications.length > 0 && (
        <div class="table-scroll">
          <table class="plain-table">
            <caption class="hidden">{t("monitors.trial")}</caption>
            <thead>
              <tr>
                <th scope="col">{t("monitors.at")}</th>
                <th scope="col">{t("monitors.item")}</th>
                <th scope="col" class="number">
                  {t("monitors.value")}
                </th>
                <th scope="col">{t("monitors.message")}</th>
              </tr>
            </thead>
            <tbody>
              {notifications.map((raised) => (
                <RaisedRow key={`${raised.position} ${raised.item_id} ${raised.at}`} raised={raised} />
              ))}
            </tbody>
          </table>
        </div>
      )}
      {result.truncated && <p class="quiet">{t("monitors.truncated", { count: notifications.length })}</p>}
    </div>
  );
}

function RaisedRow({ raised }: { raised: Raised }) {
  const { value, previous_value: before } = raised;
  return (
    <tr>
      <td>
        <time dateTime={raised.at}>{moment(raised.at)}</time>
      </td>
      <td>
        <Link href={`/items/${raised.item_id}`}>{raised.item_name}</Link>
        {raised.item_sku !== null && <span class="quiet"> {raised.item_sku}</span>}
      </td>
      <td class="number">
        {before !== null && `${amount(before)} → `}
        {value !== null && amount(value)}
      </td>
      <td>
        <SeverityBadge severity={raised.severity} /> {raised.message}
      </td>
    </tr>
  );
}
