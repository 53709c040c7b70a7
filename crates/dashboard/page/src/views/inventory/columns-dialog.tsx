// Which columns are shown, in which order.

import { useMemo } from "preact/hooks";
import { t } from "../../i18n";
import { Button } from "../../ui/button";
import { Dialog } from "../../ui/dialog";
import { Check } from "../../ui/field";
import { attributeColumns, type Column, COLUMNS, showColumns, usualColumns, visibleColumns } from "./columns";
import { columnTitle } from "./display";
import { everything } from "./model";
import { closeDialog } from "./state";

export function ColumnsDialog() {
  const shown = visibleColumns.value;
  const attributes = useMemo(() => attributeColumns(everything()), []);
  const others = [...COLUMNS, ...attributes].filter((column) => !shown.includes(column));
  const move = (column: Column, by: 1 | -1): void => {
    const left = shown.filter((other) => other !== column);
    left.splice(Math.max(0, shown.indexOf(column) + by), 0, column);
    showColumns(left);
  };
  return (
    <Dialog
      title={t("inventory.columns")}
      onClose={closeDialog}
      actions={
        <>
          <Button onClick={usualColumns}>{t("inventory.columns_usual")}</Button>
          <Button kind="primary" onClick={closeDialog}>
            {t("common.close")}
          </Button>
        </>
      }
    >
      <ul class="column-list">
        {shown.map((column, index) => (
          <li key={column}>
            <Check
              label={columnTitle(column)}
              checked
              disabled={column === "name"}
              onCheck={() => showColumns(shown.filter((other) => other !== column))}
            />
            <span class="row">
              <Button
                kind="plain"
                small
                icon="up"
                disabled={index === 0}
                label={t("inventory.column_earlier", { column: columnTitle(column) })}
                onClick={() => move(column, -1)}
              />
              <Button
                kind="plain"
                small
                icon="down"
                disabled={index === shown.length - 1}
                label={t("inventory.column_later", { column: columnTitle(column) })}
                onClick={() => move(column, 1)}
              />
            </span>
          </li>
        ))}
        {others.map((column) => (
          <li key={column}>
            <Check label={columnTitle(column)} checked={false} onCheck={() => showColumns([...shown, column])} />
          </li>
        ))}
      </ul>
    </Dialog>
  );
}
