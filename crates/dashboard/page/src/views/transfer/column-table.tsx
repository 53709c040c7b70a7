// What each column of the file is about, with its first values beside it.

import { t } from "../../i18n";
import { FIELDS, type Target } from "./csv/fields";
import type { Table } from "./csv/read";
import { change, settings } from "./import-state";

const SAMPLES = 3;

export function ColumnTable({ table }: { table: Table }) {
  return (
    <div class="card table-scroll">
      <table class="plain-table columns-table">
        <thead>
          <tr>
            <th scope="col">{t("transfer.column")}</th>
            <th scope="col">{t("transfer.is")}</th>
            <th scope="col">{t("transfer.samples")}</th>
          </tr>
        </thead>
        <tbody>
          {table.headers.map((header, column) => (
            <tr key={column}>
              <th scope="row">{header === "" ? t("transfer.column_nameless", { number: column + 1 }) : header}</th>
              <td>
                <TargetChoice header={header} column={column} />
              </td>
              <td class="import-samples">
                {table.rows.slice(0, SAMPLES).map((row) => (
                  <span key={row.line}>{row.cells[column] ?? ""}</span>
                ))}
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

function set(column: number, target: Target): void {
  change({ targets: settings.value.targets.map((other, place) => (place === column ? target : other)) });
}

/** What the choice shows: the kind of an attribute, without its name. */
function kindOf(target: Target): string {
  const mark = target.indexOf(":");
  return mark < 0 ? target : target.slice(0, mark + 1);
}

function TargetChoice({ header, column }: { header: string; column: number }) {
  const target = settings.value.targets[column] ?? "ignore";
  const kind = kindOf(target);
  const isAttribute = kind.endsWith(":");
  const name = isAttribute ? target.slice(kind.length) : header.replace(/^attributes\./i, "");
  const label = header === "" ? t("transfer.column_nameless", { number: column + 1 }) : header;
  const choose = (chosen: string): void => {
    set(column, (chosen.endsWith(":") ? `${chosen}${name}` : chosen) as Target);
  };
  return (
    <div class="import-target">
      <select
        class="input"
        aria-label={t("transfer.column_is", { column: label })}
        value={kind}
        onChange={(event) => choose(event.currentTarget.value)}
      >
        <option value="ignore">{t("transfer.ignore")}</option>
        {FIELDS.map((field) => (
          <option key={field} value={field}>
            {t(`transfer.field_${field}`)}
          </option>
        ))}
        <option value="text:">{t("transfer.attribute_text")}</option>
        <option value="json:">{t("transfer.attribute_json")}</option>
      </select>
      {isAttribute && (
        <input
          class="input"
          aria-label={t("transfer.attribute_name", { column: label })}
          value={name}
          onInput={(event) => set(column, `${kind}${event.currentTarget.value}` as Target)}
        />
      )}
    </div>
  );
}
