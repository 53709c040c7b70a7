// What a data source would change, before it does; rows of one that is pushed to can be pushed from here.

import { useState } from "preact/hooks";
import { Link } from "wouter-preact";
import { type ApiProblem, api, asProblem, good } from "../../api/client";
import type { components } from "../../api/schema.gen";
import { t } from "../../i18n";
import { price, whole } from "../../i18n/format";
import { Button } from "../../ui/button";
import { Dialog } from "../../ui/dialog";
import { Field } from "../../ui/field";
import { toast } from "../../ui/toasts";
import { FormProblem } from "./new";
import type { Source } from "./source-draft";

type Previewed = components["schemas"]["SourcePreview"];
type Report = components["schemas"]["SourceReport"];

const TYPES = { csv: "text/csv", json: "application/json" } as const;
const COUNTS = ["read", "applied", "unchanged", "unknown_items", "invalid", "implausible", "shadowed"] as const;

/** Rows as they are, of the source's format; without any, a source that is pulled is asked for them. */
function rowsOf(source: Source, rows: string) {
  const params = { path: { id: source.id } };
  if (rows === "") return { params, body: undefined };
  const headers = { "Content-Type": TYPES[source.format] };
  return { params, headers, body: rows, bodySerializer: (body: unknown) => body as string };
}

interface Props {
  source: Source;
  onClose: () => void;
  onPushed: () => void;
}

export function Preview({ source, onClose, onPushed }: Props) {
  const [rows, setRows] = useState("");
  const [seen, setSeen] = useState<{ rows: string; preview: Previewed }>();
  const [problem, setProblem] = useState<ApiProblem>();
  const [busy, setBusy] = useState(false);
  const isPushed = source.kind === "push";
  const attempt = async (act: () => Promise<void>): Promise<void> => {
    setBusy(true);
    setProblem(undefined);
    await act().catch((error: unknown) => setProblem(asProblem(error)));
    setBusy(false);
  };
  const look = () =>
    attempt(async () => {
      const preview = await good(api.POST("/api/v1/sources/{id}/preview", rowsOf(source, rows)));
      setSeen({ rows, preview });
    });
  const push = () =>
    attempt(async () => {
      const report = await good(api.POST("/api/v1/sources/{id}/rows", rowsOf(source, rows)));
      toast({ kind: "good", text: t("monitors.pushed", { count: report.applied }) });
      onPushed();
      onClose();
    });
  return (
    <Dialog
      wide
      title={t("monitors.preview_of", { name: source.name })}
      onClose={onClose}
      onSubmit={look}
      actions={
        <>
          <Button onClick={onClose}>{t("common.close")}</Button>
          {isPushed && (
            <Button disabled={busy || seen?.rows !== rows || !source.enabled} onClick={push}>
              {t("monitors.push")}
            </Button>
          )}
          <Button type="submit" kind="primary" disabled={busy || (isPushed && rows.trim() === "")}>
            {busy ? t("common.loading") : t("monitors.preview")}
          </Button>
        </>
      }
    >
      <p class="quiet">{isPushed ? t("monitors.preview_push_hint") : t("monitors.preview_hint")}</p>
      {!source.enabled && <p class="notice">{t("monitors.source_is_stopped")}</p>}
      {isPushed && <Rows rows={rows} onRows={setRows} />}
      <FormProblem problem={problem} />
      {seen !== undefined && <Outcome preview={seen.preview} />}
    </Dialog>
  );
}

function Rows({ rows, onRows }: { rows: string; onRows: (rows: string) => void }) {
  return (
    <>
      <Field label={t("monitors.rows")}>
        {(given) => (
          <textarea
            {...given}
            class="input mono"
            rows={6}
            value={rows}
            onInput={(event) => onRows(event.currentTarget.value)}
          />
        )}
      </Field>
      <Field label={t("monitors.rows_file")}>
        {(given) => (
          <input
            {...given}
            type="file"
            accept=".csv,.json,text/csv,application/json"
            onChange={(event) => {
              const file = event.currentTarget.files?.[0];
              void file?.text().then(onRows);
            }}
          />
        )}
      </Field>
    </>
  );
}

function Outcome({ preview: { report, changes } }: { preview: Previewed }) {
  return (
    <div class="stack" role="status">
      <Counts report={report} />
      {changes.length > 0 && (
        <div class="table-scroll">
          <table class="plain-table">
            <caption class="hidden">{t("monitors.would_change")}</caption>
            <thead>
              <tr>
                <th scope="col">{t("monitors.item")}</th>
                <th scope="col" class="number">
                  {t("monitors.measure_quantity")}
                </th>
                <th scope="col" class="number">
                  {t("monitors.measure_price")}
                </th>
              </tr>
            </thead>
            <tbody>
              {changes.map((change) => (
                <tr key={change.item_id}>
                  <td>
                    <Link href={`/items/${change.item_id}`}>{change.sku ?? `#${change.item_id}`}</Link>
                  </td>
                  <td class="number">
                    {whole(change.quantity)}
                    {change.new_quantity !== null && <strong> → {whole(change.new_quantity)}</strong>}
                  </td>
                  <td class="number">
                    {change.price === null ? "–" : price(change.price)}
                    {change.new_price !== null && <strong> → {price(change.new_price)}</strong>}
                  </td>
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      )}
      {report.errors.length > 0 && (
        <ul class="notice warning row-errors">
          {report.errors.map((error) => (
            <li key={`${error.row} ${error.detail}`}>
              {t("monitors.row_error", { row: error.row, detail: error.detail })}
              {error.item != null && ` (${error.item})`}
            </li>
          ))}
        </ul>
      )}
    </div>
  );
}

function Counts({ report }: { report: Report }) {
  return (
    <ul class="row counts">
      {COUNTS.filter((name) => name === "read" || name === "applied" || report[name] > 0).map((name) => (
        <li key={name} class={name === "applied" ? "badge good" : "badge"}>
          {t(`monitors.rows_${name}`)}: {whole(report[name])}
        </li>
      ))}
    </ul>
  );
}
