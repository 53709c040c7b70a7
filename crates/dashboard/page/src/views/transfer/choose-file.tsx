// The first step: a file, chosen or dropped; and what is wrong with it, with the way to read it differently.

import { useId, useState } from "preact/hooks";
import { t } from "../../i18n";
import { whole } from "../../i18n/format";
import { ChoiceField } from "../../ui/field";
import { Icon } from "../../ui/icon";
import { ENCODINGS, type Encoding } from "./csv/decode";
import { MOST_ROWS } from "./csv/read";
import { fault, read, readFile, source, stage } from "./import-state";

export function ChooseFile() {
  const id = useId();
  const [isOver, setIsOver] = useState(false);
  const isReading = stage.value === "reading";
  const take = (files: FileList | null | undefined): void => {
    const file = files?.[0];
    if (file !== undefined) void readFile(file);
  };
  return (
    <div class="stack">
      <div
        class={isOver ? "import-drop over" : "import-drop"}
        onDragOver={(event) => {
          event.preventDefault();
          setIsOver(true);
        }}
        onDragLeave={() => setIsOver(false)}
        onDrop={(event) => {
          event.preventDefault();
          setIsOver(false);
          take(event.dataTransfer?.files);
        }}
      >
        <Icon name="upload" />
        <label for={id}>{t("transfer.choose_file")}</label>
        <input
          id={id}
          type="file"
          accept=".csv,.tsv,.txt,text/csv,text/tab-separated-values,text/plain"
          disabled={isReading}
          onChange={({ currentTarget }) => {
            take(currentTarget.files);
            // The same file may be chosen again, mended.
            currentTarget.value = "";
          }}
        />
        <p class="quiet">{t("transfer.file_hint", { count: whole(MOST_ROWS) })}</p>
      </div>
      {isReading && <p role="status">{t("transfer.reading")}</p>}
      <FileFault />
    </div>
  );
}

function FileFault() {
  const wrong = fault.value;
  if (wrong === undefined) return null;
  const chosen = source.value;
  const values = { line: wrong.line, count: whole(MOST_ROWS) };
  const isEncoding = wrong.wrong === "not_utf8" || wrong.wrong === "not_encoding" || wrong.wrong === "binary";
  return (
    <div class="notice danger stack" role="alert">
      <p>
        {chosen !== undefined && <strong>{chosen.name}: </strong>}
        {t(`transfer.wrong_${wrong.wrong}`, values)}
      </p>
      {isEncoding && chosen !== undefined && (
        <EncodingField
          value={chosen.encoding}
          onChoice={(encoding) => void read(chosen.name, chosen.bytes, encoding)}
        />
      )}
    </div>
  );
}

export function EncodingField({ value, onChoice }: { value: Encoding; onChoice: (encoding: Encoding) => void }) {
  return (
    <ChoiceField
      label={t("transfer.encoding")}
      value={value}
      choices={ENCODINGS.map((value) => ({ value, text: ENCODING_NAMES[value] }))}
      onChoice={onChoice}
    />
  );
}

const ENCODING_NAMES: Record<Encoding, string> = {
  "utf-8": "UTF-8",
  "utf-16le": "UTF-16 LE",
  "utf-16be": "UTF-16 BE",
  shift_jis: "Shift_JIS (日本語)",
  gb18030: "GB18030, GBK (中文)",
  "windows-1252": "Windows-1252 (Western)",
};
