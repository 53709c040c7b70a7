// The second step: how the file is read, what each column is about, and what becomes of the rows.

import { computed } from "@preact/signals";
import { useMemo, useState } from "preact/hooks";
import { t } from "../../i18n";
import { whole } from "../../i18n/format";
import { items } from "../../live/stock";
import { Button } from "../../ui/button";
import { Check, ChoiceField, TextField } from "../../ui/field";
import { EncodingField } from "./choose-file";
import { ColumnTable } from "./column-table";
import { NUMBER_FORMATS, type NumberFormat } from "./csv/numbers";
import { needsNumberFormat, wrongTargets } from "./csv/prepare";
import { DELIMITERS, type Delimiter, type Table } from "./csv/read";
import { change, preview, read, settings, source, startAnew, table } from "./import-state";

export function ChooseColumns() {
  const read = table.value;
  if (read === undefined) return null;
  return <Columns table={read} />;
}

const areItemsLive = computed(() => items.state.value.freshness === "live");

function Columns({ table }: { table: Table }) {
  const [tried, setTried] = useState(false);
  const chosen = settings.value;
  const wrong = wrongTargets(chosen);
  const asksNumbers = useMemo(() => needsNumberFormat(table, chosen.targets), [table, chosen.targets]);
  const lacksNumbers = asksNumbers && chosen.numbers === undefined;
  // What other attributes an item has must be known before some of them are written.
  const lacksItems = chosen.targets.some((target) => target.includes(":")) && !areItemsLive.value;
  const submit = (event: Event): void => {
    event.preventDefault();
    setTried(true);
    if (wrong === undefined && !lacksNumbers && !lacksItems) void preview();
  };
  return (
    <form class="stack" onSubmit={submit} noValidate>
      <FileFacts table={table} />
      <ColumnTable table={table} />
      <div class="card import-options">
        {asksNumbers && (
          <ChoiceField<NumberFormat | "">
            label={t("transfer.numbers")}
            hint={t("transfer.numbers_hint")}
            wrong={tried && lacksNumbers ? t("transfer.numbers_missing") : undefined}
            value={chosen.numbers ?? ""}
            choices={[
              { value: "", text: t("transfer.choose") },
              ...NUMBER_FORMATS.map((value) => ({ value, text: value })),
            ]}
            onChoice={(numbers) => change({ numbers: numbers === "" ? undefined : numbers })}
          />
        )}
        <Rules />
      </div>
      <TextField
        label={`${t("common.reason")} (${t("common.optional")})`}
        hint={t("transfer.reason_hint")}
        value={chosen.reason}
        maxLength={500}
        onText={(reason) => change({ reason })}
      />
      {wrong !== undefined && (
        <p class="notice warning" role={tried ? "alert" : undefined}>
          {t(`transfer.columns_${wrong}`)}
        </p>
      )}
      {tried && lacksItems && (
        <p class="notice warning" role="alert">
          {t("transfer.needs_live")}
        </p>
      )}
      <div class="row">
        <Button onClick={startAnew}>{t("transfer.other_file")}</Button>
        <Button type="submit" kind="primary" disabled={wrong !== undefined}>
          {t("transfer.preview")}
        </Button>
      </div>
    </form>
  );
}

function FileFacts({ table }: { table: Table }) {
  const file = source.value;
  if (file === undefined) return null;
  return (
    <div class="card import-options">
      <p>
        <strong>{file.name}</strong>
        <br />
        <span class="quiet">
          {t("transfer.file_facts", { rows: whole(table.rows.length), columns: whole(table.headers.length) })}
        </span>
      </p>
      <EncodingField value={file.encoding} onChoice={(encoding) => void read(file.name, file.bytes, encoding)} />
      <ChoiceField<Delimiter>
        label={t("transfer.delimiter")}
        value={table.delimiter}
        choices={DELIMITERS.map((value) => ({ value, text: t(`transfer.delimiter_${NAMES[value]}`) }))}
        onChoice={(delimiter) => void read(file.name, file.bytes, file.encoding, delimiter)}
      />
    </div>
  );
}

const NAMES = { ",": "comma", ";": "semicolon", "\t": "tab", "|": "bar" } as const;

function Rules() {
  const chosen = settings.value;
  return (
    <>
      <ChoiceField
        label={t("transfer.match")}
        value={chosen.match}
        choices={(["sku", "id"] as const).map((value) => ({ value, text: t(`transfer.field_${value}`) }))}
        onChoice={(match) => change({ match })}
      />
      <ChoiceField
        label={t("transfer.on_missing")}
        value={chosen.onMissing}
        choices={(["create", "skip", "fail"] as const).map((value) => ({
          value,
          text: t(`transfer.missing_${value}`),
        }))}
        onChoice={(onMissing) => change({ onMissing })}
      />
      <ChoiceField
        label={t("transfer.on_present")}
        value={chosen.onPresent}
        choices={(["update", "skip", "fail"] as const).map((value) => ({
          value,
          text: t(`transfer.present_${value}`),
        }))}
        onChoice={(onPresent) => change({ onPresent })}
      />
      <ChoiceField
        label={t("transfer.empty")}
        hint={chosen.empty === "clear" ? t("transfer.empty_clear_hint") : undefined}
        value={chosen.empty}
        choices={(["keep", "clear"] as const).map((value) => ({ value, text: t(`transfer.empty_${value}`) }))}
        onChoice={(empty) => change({ empty })}
      />
      <Check label={t("transfer.unguards")} checked={chosen.unguards} onCheck={(unguards) => change({ unguards })} />
    </>
  );
}
