// The table's header: a click, Enter or Space sorts.

import { t } from "../../i18n";
import { may } from "../../api/session";
import { Icon } from "../../ui/icon";
import { isNumeric } from "./columns";
import { columnTitle } from "./display";
import { toggleAll } from "./doing";
import { sortBy } from "./sorting";
import { query, rowCount } from "./model";
import { HEADER, type Place, selection } from "./state";

export function Header({ places, at }: { places: readonly Place[]; at: Place | undefined }) {
  const { sort } = query.value;
  return (
    <div role="rowgroup" class="grid-head">
      <div role="row" class="grid-row" aria-rowindex={1} data-id={HEADER}>
        {places.map((place, index) => {
          const given = { "aria-colindex": index + 1, "data-place": place, tabIndex: at === place ? 0 : -1 };
          if (place === "select") {
            const whole = rowCount() > 0 && selection.value.size >= rowCount();
            return (
              <div key={place} role="columnheader" class="cell select" {...given}>
                <input
                  type="checkbox"
                  tabIndex={-1}
                  checked={whole}
                  aria-label={t("inventory.select_all")}
                  onChange={toggleAll}
                />
              </div>
            );
          }
          if (place === "actions") {
            return (
              <div key={place} role="columnheader" class="cell actions" {...given}>
                <span class="hidden">{t("inventory.actions")}</span>
              </div>
            );
          }
          const sorted = sort.column === place;
          return (
            <div
              key={place}
              role="columnheader"
              class={[
                "cell sortable",
                isNumeric(place) && "number",
                place === "name" && "name",
                place === "quantity" && may("stock") && "steps",
              ]
                .filter(Boolean)
                .join(" ")}
              aria-sort={sorted ? (sort.descending ? "descending" : "ascending") : "none"}
              onClick={() => sortBy(place)}
              {...given}
            >
              <span class="content">{columnTitle(place)}</span>
              {sorted && <Icon name={sort.descending ? "down" : "up"} />}
            </div>
          );
        })}
      </div>
    </div>
  );
}
