// Above the table: search, filters, columns, what can be added; and the filters that are on.

import { useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { t } from "../../i18n";
import { may } from "../../api/session";
import { Button } from "../../ui/button";
import { Icon } from "../../ui/icon";
import { announce } from "../../ui/toasts";
import { ExportButton } from "../transfer/export-button";
import { COLUMNS, isColumn } from "./columns";
import { columnTitle } from "./display";
import { Filters } from "./filters";
import { ask, query, totals } from "./model";
import { EVERYTHING, type Query } from "./query";
import { shownItems, visibleColumns } from "./shown";
import { dialog } from "./state";

/** How long nothing is typed before it is said how much was found, in milliseconds. */
const QUIET = 900;

export function Toolbar() {
  const filtering = useSignal(false);
  const { search } = query.value;
  useEffect(() => {
    if (search === "") return;
    const timer = setTimeout(() => announce(t("inventory.found", { count: totals().items })), QUIET);
    return () => clearTimeout(timer);
  }, [search]);
  return (
    <div class="toolbar">
      <label class="search">
        <Icon name="search" />
        <span class="hidden">{t("inventory.search")}</span>
        <input
          id="inventory-search"
          type="search"
          class="input"
          placeholder={t("inventory.search_hint")}
          value={search}
          onInput={(event) => ask({ search: event.currentTarget.value })}
          onKeyDown={(event) => {
            if (event.key === "Escape" && search !== "") ask({ search: "" });
            if (event.key === "ArrowDown" || event.key === "Enter") focusRows();
          }}
        />
      </label>
      <Button icon="filter" aria-expanded={filtering.value} onClick={() => (filtering.value = !filtering.value)}>
        {t("inventory.filters")}
      </Button>
      <SortChoice />
      <Button class="wide-only" icon="columns" onClick={() => (dialog.value = { kind: "columns" })}>
        {t("inventory.columns")}
      </Button>
      <Button
        class="wide-only"
        kind="plain"
        label={t("inventory.keys")}
        onClick={() => (dialog.value = { kind: "keys" })}
      >
        <kbd>?</kbd>
      </Button>
      <ExportButton items={() => shownItems.peek()} empty={totals().items === 0} columns={visibleColumns.value} />
      {may("items") && (
        <Button kind="primary" icon="add" onClick={() => (dialog.value = { kind: "create" })}>
          {t("common.add")}
        </Button>
      )}
      {filtering.value && <Filters />}
    </div>
  );
}

function focusRows(): void {
  document.querySelector<HTMLElement>(".grid-body [tabindex='0'], .grid-body [data-place='name']")?.focus();
}

/** Cards have no header to sort by. */
function SortChoice() {
  const { sort } = query.value;
  const shown = visibleColumns.value;
  const choices = [...new Set([...COLUMNS, ...shown, sort.column])];
  return (
    <span class="narrow-only row sort-choice">
      <select
        class="input"
        aria-label={t("inventory.sort_by")}
        value={sort.column}
        onChange={({ currentTarget: { value } }) => {
          if (isColumn(value)) ask({ sort: { column: value, descending: sort.descending } });
        }}
      >
        {choices.map((column) => (
          <option key={column} value={column}>
            {columnTitle(column)}
          </option>
        ))}
      </select>
      <Button
        icon={sort.descending ? "down" : "up"}
        label={sort.descending ? t("inventory.descending") : t("inventory.ascending")}
        onClick={() => ask({ sort: { ...sort, descending: !sort.descending } })}
      />
    </span>
  );
}

/** The filters that are on, each with a way to take it off. */
export function FilterBar() {
  const now = query.value;
  const chips: (readonly [string, Partial<Query>])[] = [
    ...now.levels.map(
      (level) => [t(`inventory.level_${level}`), { levels: now.levels.filter((other) => other !== level) }] as const,
    ),
    ...(now.changed === undefined ? [] : [[t(`inventory.changed_${now.changed}`), { changed: undefined }] as const]),
    ...now.attributes.map(
      (one) => [`${one.name}: ${one.value}`, { attributes: now.attributes.filter((other) => other !== one) }] as const,
    ),
  ];
  if (chips.length === 0) return null;
  return (
    <div class="filter-bar">
      {chips.map(([text, off]) => (
        <Button key={text} small onClick={() => ask(off)} aria-label={t("inventory.remove_filter", { filter: text })}>
          {text}
          <Icon name="close" />
        </Button>
      ))}
      <Button small kind="plain" onClick={() => ask({ ...EVERYTHING, sort: now.sort })}>
        {t("inventory.clear_filters")}
      </Button>
    </div>
  );
}
