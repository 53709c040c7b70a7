// Writes items to a CSV file: those that are shown, or all, with the columns that are chosen.

import { useState } from "preact/hooks";
import { t } from "../../i18n";
import { clock, whole } from "../../i18n/format";
import { connection, type Item } from "../../live/stock";
import { Button } from "../../ui/button";
import { Dialog } from "../../ui/dialog";
import { Check } from "../../ui/field";
import { toast } from "../../ui/toasts";
import { type Column, COLUMNS, columnsOf, toCsv } from "./csv/write";
import { download, today } from "./download";

interface Props {
  /** What is written, in this order: asked for once it is needed. */
  items: () => readonly Item[];
  /** There is nothing to write. */
  empty: boolean;
  /** Chosen to begin with: fields such as `sku`, and `attributes.colour`. */
  columns: readonly Column[];
}

export function ExportButton({ items, empty, columns }: Props) {
  const [open, setOpen] = useState(false);
  return (
    <>
      <Button icon="download" disabled={empty} onClick={() => setOpen(true)}>
        {t("transfer.export_button")}
      </Button>
      {open && <ExportDialog items={items} columns={columns} onClose={() => setOpen(false)} />}
    </>
  );
}

function ExportDialog({ items: read, columns, onClose }: Omit<Props, "empty"> & { onClose: () => void }) {
  // What is counted in the dialog is what is written, whatever happens meanwhile.
  const [items] = useState(read);
  const [all] = useState(() => columnsOf(items));
  const [chosen, setChosen] = useState<readonly Column[]>(() => all.filter((column) => columns.includes(column)));
  const [bom, setBom] = useState(true);
  const [guards, setGuards] = useState(true);
  const toggle = (column: Column, on: boolean): void =>
    setChosen(all.filter((other) => (other === column ? on : chosen.includes(other))));
  const save = (): void => {
    if (chosen.length === 0) return;
    download(`stockwire-items-${today(new Date())}.csv`, toCsv(items, chosen, { bom, guards }));
    toast({ text: t("transfer.exported", { count: items.length, number: whole(items.length) }), kind: "good" });
    onClose();
  };
  return (
    <Dialog
      title={t("transfer.export_title", { count: items.length, number: whole(items.length) })}
      onClose={onClose}
      onSubmit={save}
      actions={
        <>
          <Button onClick={onClose}>{t("common.cancel")}</Button>
          <Button type="submit" kind="primary" icon="download" disabled={chosen.length === 0}>
            {t("transfer.export_save")}
          </Button>
        </>
      }
    >
      <Staleness />
      <fieldset class="export-columns">
        <legend>{t("transfer.columns")}</legend>
        <div class="row">
          <Button small onClick={() => setChosen(all)}>
            {t("common.all")}
          </Button>
          <Button small onClick={() => setChosen([])}>
            {t("common.none")}
          </Button>
        </div>
        <div class="export-checks">
          {all.map((column) => (
            <Check
              key={column}
              label={columnName(column)}
              checked={chosen.includes(column)}
              onCheck={(on) => toggle(column, on)}
            />
          ))}
        </div>
      </fieldset>
      <Option label={t("transfer.bom")} hint={t("transfer.bom_hint")} checked={bom} onCheck={setBom} />
      <Option label={t("transfer.guards")} hint={t("transfer.guards_hint")} checked={guards} onCheck={setGuards} />
    </Dialog>
  );
}

function Option(props: { label: string; hint: string; checked: boolean; onCheck: (checked: boolean) => void }) {
  return (
    <div>
      <Check label={props.label} checked={props.checked} onCheck={props.onCheck} />
      <p class="quiet export-hint">{props.hint}</p>
    </div>
  );
}

/** What is written may be older than the file's date. */
function Staleness() {
  if (connection.status.value.kind === "live") return null;
  const since = connection.lastLive.value;
  if (since === undefined) return null;
  return <p class="notice warning">{t("connection.stale", { time: clock(since) })}</p>;
}

function columnName(column: Column): string {
  const field = COLUMNS.find((field) => field === column);
  return field === undefined ? column : t(`transfer.field_${field}`);
}
