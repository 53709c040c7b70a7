// In and out: CSV files into the stock, and the stock into CSV files.

import "./transfer.css";
import { useComputed } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { isVisitor, may } from "../../api/session";
import { t } from "../../i18n";
import { whole } from "../../i18n/format";
import { type Item, items } from "../../live/stock";
import { signInAddress } from "../../shell/ended";
import { ChooseColumns } from "./choose-columns";
import { ChooseFile } from "./choose-file";
import { ExportButton } from "./export-button";
import { stage } from "./import-state";
import { Outcome } from "./outcome";
import { Running } from "./running";

const USUAL = ["sku", "name", "description", "quantity", "unit", "price", "reorder_point"];

export function Transfer() {
  return (
    <div class="view transfer">
      <h1>{t("transfer.title")}</h1>
      <section class="stack" aria-labelledby="import">
        <h2 id="import">{t("transfer.import")}</h2>
        {may("items") ? <Import /> : <NotAllowed />}
      </section>
      <section class="card stack" aria-labelledby="export">
        <h2 id="export">{t("transfer.export")}</h2>
        <Export />
      </section>
    </div>
  );
}

function NotAllowed() {
  return (
    <div class="notice row">
      <span>{t("transfer.not_allowed")}</span>
      {isVisitor() && (
        <a class="button small" href={signInAddress()}>
          {t("common.sign_in")}
        </a>
      )}
    </div>
  );
}

const STEPS = ["file", "columns", "preview", "done"] as const;

function stepOf(): number {
  const at = { file: 0, reading: 0, columns: 1, previewing: 2, preview: 2, importing: 3, done: 3 };
  return at[stage.value];
}

function Import() {
  const isImporting = stage.value === "importing";
  useEffect(() => {
    if (!isImporting) return;
    // Leaving the page would stop it halfway.
    const ask = (event: BeforeUnloadEvent): void => event.preventDefault();
    addEventListener("beforeunload", ask);
    return () => removeEventListener("beforeunload", ask);
  }, [isImporting]);
  return (
    <>
      <ol class="import-steps" aria-label={t("transfer.steps")}>
        {STEPS.map((step, place) => (
          <li key={step} aria-current={place === stepOf() ? "step" : undefined}>
            {t(`transfer.step_${step}`)}
          </li>
        ))}
      </ol>
      <Step />
    </>
  );
}

function Step() {
  switch (stage.value) {
    case "file":
    case "reading":
      return <ChooseFile />;
    case "columns":
      return <ChooseColumns />;
    case "previewing":
    case "importing":
      return <Running />;
    default:
      return <Outcome />;
  }
}

function Export() {
  // Only another number redraws this; what is exported is what there is when it is asked for.
  const size = useComputed(() => items.state.value.rows.size).value;
  const all = (): readonly Item[] => [...items.state.peek().rows.values()].sort((a, b) => a.id - b.id);
  return (
    <>
      <p class="quiet">{t("transfer.export_text")}</p>
      <div class="row">
        <ExportButton items={all} empty={size === 0} columns={USUAL} />
        <span class="quiet">{t("transfer.items", { count: size, number: whole(size) })}</span>
      </div>
    </>
  );
}
