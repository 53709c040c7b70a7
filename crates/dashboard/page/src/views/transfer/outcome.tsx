// What would become of the rows, or what did: in numbers, and row by row with their errors.

import { useState } from "preact/hooks";
import { Link } from "wouter-preact";
import { t } from "../../i18n";
import { whole } from "../../i18n/format";
import { Button } from "../../ui/button";
import { Check } from "../../ui/field";
import type { Fault } from "./csv/prepare";
import { download, today } from "./download";
import { failedCsv } from "./failed-rows";
import { backToColumns, finished, importAll, settings, source, stage, startAnew, table } from "./import-state";
import type { Finished, Outcome as RowOutcome, RowResult } from "./run";

const OUTCOMES = ["created", "updated", "unchanged", "skipped", "failed", "unknown", "not_done"] as const;
const COLOURS: Record<RowOutcome, string> = {
  created: "good",
  updated: "info",
  unchanged: "",
  skipped: "",
  failed: "danger",
  unknown: "warning",
  not_done: "warning",
};
const PAGE = 100;

export function Outcome() {
  const end = finished.value;
  return end === undefined ? null : <Results end={end} isDone={stage.value === "done"} />;
}

const isWrong = ({ outcome }: RowResult): boolean =>
  outcome === "failed" || outcome === "unknown" || outcome === "not_done";

function Results({ end: { results, end }, isDone }: { end: Finished; isDone: boolean }) {
  const [onlyErrors, setOnlyErrors] = useState(false);
  const [page, setPage] = useState(0);
  const wrong = results.filter(isWrong);
  const shown = onlyErrors ? wrong : results;
  const changes = results.filter(({ outcome }) => outcome === "created" || outcome === "updated").length;
  const pages = Math.ceil(shown.length / PAGE);
  return (
    <div class="stack">
      <Summary results={results} end={end} isDone={isDone} />
      <div class="row">
        {isDone ? (
          <>
            <Button kind="primary" onClick={startAnew}>
              {t("transfer.next_file")}
            </Button>
            <Link href="/" class="button">
              {t("inventory.title")}
            </Link>
          </>
        ) : (
          <>
            <Button onClick={backToColumns}>{t("common.back")}</Button>
            <Button kind="primary" disabled={end !== "finished" || changes === 0} onClick={() => void importAll()}>
              {t("transfer.import_rows", { count: changes, number: whole(changes) })}
            </Button>
          </>
        )}
        {wrong.length > 0 && (
          <Button icon="download" onClick={() => saveFailed(wrong)}>
            {t("transfer.save_failed", { count: wrong.length, number: whole(wrong.length) })}
          </Button>
        )}
      </div>
      <Check
        label={t("transfer.only_errors")}
        checked={onlyErrors}
        onCheck={(only) => {
          setOnlyErrors(only);
          setPage(0);
        }}
      />
      {shown.length === 0 ? (
        <p class="empty">{t("transfer.no_errors")}</p>
      ) : (
        <ResultTable results={shown.slice(page * PAGE, (page + 1) * PAGE)} />
      )}
      {pages > 1 && (
        <div class="row">
          <Button disabled={page === 0} onClick={() => setPage(page - 1)}>
            {t("common.back")}
          </Button>
          <span>{t("transfer.page", { page: whole(page + 1), pages: whole(pages) })}</span>
          <Button disabled={page + 1 >= pages} onClick={() => setPage(page + 1)}>
            {t("common.next")}
          </Button>
        </div>
      )}
    </div>
  );
}

function saveFailed(wrong: readonly RowResult[]): void {
  const [read, file] = [table.value, source.value];
  if (read === undefined || file === undefined) return;
  const name = file.name.replace(/\.[^.]*$/, "");
  download(`${name}-errors-${today(new Date())}.csv`, failedCsv(read, wrong, settings.value, faultsText));
}

function Summary({ results, end, isDone }: { results: readonly RowResult[]; end: Finished["end"]; isDone: boolean }) {
  const count = (outcome: RowOutcome): number => results.filter((result) => result.outcome === outcome).length;
  const counts = OUTCOMES.map((outcome) => ({ outcome, number: count(outcome) }));
  return (
    <div class="card stack" role="status">
      <h3>{t(isDone ? "transfer.done_title" : "transfer.preview_title")}</h3>
      <ul class="import-counts">
        {counts
          .filter(({ outcome, number }) => number > 0 || (outcome !== "unknown" && outcome !== "not_done"))
          .map(({ outcome, number }) => (
            <li key={outcome}>
              <strong>{whole(number)}</strong>
              <span class={`badge ${COLOURS[outcome]}`}>{t(`transfer.outcome_${outcome}`)}</span>
            </li>
          ))}
      </ul>
      {!isDone && end === "finished" && <p class="quiet">{t("transfer.preview_text")}</p>}
      {end === "cancelled" && <p class="notice warning">{t("transfer.cancelled")}</p>}
      {typeof end !== "string" && (
        <p class="notice danger" role="alert">
          {t(isDone ? "transfer.stopped" : "transfer.preview_stopped", { detail: end.text })}
        </p>
      )}
      {count("unknown") > 0 && <p class="notice warning">{t("transfer.unknown_text")}</p>}
    </div>
  );
}

function ResultTable({ results }: { results: readonly RowResult[] }) {
  return (
    <div class="card table-scroll">
      <table class="plain-table">
        <thead>
          <tr>
            <th scope="col" class="number">
              {t("transfer.line")}
            </th>
            <th scope="col">{t("transfer.result")}</th>
            <th scope="col">{t("transfer.field_sku")}</th>
            <th scope="col">{t("transfer.field_name")}</th>
            <th scope="col">{t("transfer.details")}</th>
          </tr>
        </thead>
        <tbody>
          {results.map((result) => (
            <ResultRow key={result.prepared.row.line} result={result} />
          ))}
        </tbody>
      </table>
    </div>
  );
}

function ResultRow({ result }: { result: RowResult }) {
  const { prepared, outcome, changed, faults } = result;
  return (
    <tr>
      <td class="number">{whole(prepared.row.line)}</td>
      <td>
        <span class={`badge ${COLOURS[outcome]}`}>{t(`transfer.outcome_${outcome}`)}</span>
      </td>
      <td>{prepared.fields.sku}</td>
      <td>{prepared.fields.name}</td>
      <td>
        {faults.length > 0 ? (
          <span class="wrong">{faultsText(result)}</span>
        ) : (
          changed.map((field) => fieldName(field)).join(", ")
        )}
      </td>
    </tr>
  );
}

const NAMED = ["id", "sku", "name", "description", "quantity", "unit", "price", "reorder_point"] as const;

function fieldName(field: string): string {
  const named = NAMED.find((named) => named === field);
  return named === undefined ? t("transfer.attributes") : t(`transfer.field_${named}`);
}

function faultsText({ faults }: RowResult): string {
  return faults.map(faultText).join("; ");
}

function faultText(fault: Fault): string {
  const text = "text" in fault ? fault.text : t(`transfer.fault_${fault.code}`, { value: fault.value });
  const header = fault.column === undefined ? undefined : table.value?.headers[fault.column];
  return header === undefined || header === "" ? text : `${header}: ${text}`;
}
