// Inventory: the live table of all items, or cards on a small screen.

import "./inventory.css";
import "./grid.css";
import { useComputed, useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { t } from "../../i18n";
import { may } from "../../api/session";
import { items } from "../../live/stock";
import { Button } from "../../ui/button";
import { Cards } from "./cards";
import { Dialogs } from "./dialogs";
import { Foot } from "./foot";
import { Grid } from "./grid";
import { ask, askAddress, known, query, reorder, rowCount, startModel } from "./model";
import { EVERYTHING, isFiltered, readQuery } from "./query";
import { dialog } from "./state";
import { sendSteps } from "./steps";
import { FilterBar, Toolbar } from "./toolbar";

const NARROW = "(max-width: 48rem)";

export function Inventory() {
  const narrow = useSignal(matchMedia(NARROW).matches);
  useEffect(() => {
    const stop = startModel();
    const read = (): void => askAddress(readQuery(location.search));
    read();
    const media = matchMedia(NARROW);
    const measure = (): void => {
      narrow.value = media.matches;
    };
    media.addEventListener("change", measure);
    addEventListener("popstate", read);
    addEventListener("keydown", shortcut);
    addEventListener("pagehide", sendSteps);
    return () => {
      media.removeEventListener("change", measure);
      removeEventListener("popstate", read);
      removeEventListener("keydown", shortcut);
      removeEventListener("pagehide", sendSteps);
      sendSteps();
      stop();
    };
  }, []);
  return (
    <div class="inventory">
      <h1 class="hidden">{t("inventory.title")}</h1>
      <Toolbar />
      <FilterBar />
      <Rows narrow={narrow.value} />
      <Foot />
      <Dialogs />
    </div>
  );
}

/** Keys that work wherever nothing is typed. */
function shortcut(event: KeyboardEvent): void {
  const target = event.target as HTMLElement;
  if (event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented) return;
  if (target.closest("input:not([type=checkbox]), textarea, select, dialog, [popover]") !== null) return;
  if (event.key === "/") document.querySelector<HTMLInputElement>("#inventory-search")?.focus();
  else if (event.key === "?") dialog.value = { kind: "keys" };
  else if (event.key === "n" && may("items")) dialog.value = { kind: "create" };
  else if (event.key === "r") reorder();
  else return;
  event.preventDefault();
}

function Rows({ narrow }: { narrow: boolean }) {
  const empty = useComputed(() => items.state.value.freshness === "empty");
  if (empty.value) return <p class="empty">{t("common.loading")}</p>;
  if (known() === 0) {
    return (
      <div class="empty stack">
        <p>{t("inventory.nothing")}</p>
        {may("items") && (
          <p>
            <Button kind="primary" icon="add" onClick={() => (dialog.value = { kind: "create" })}>
              {t("inventory.add_item")}
            </Button>
          </p>
        )}
      </div>
    );
  }
  if (rowCount() === 0 && isFiltered(query.value)) {
    return (
      <div class="empty stack">
        <p>{t("inventory.no_match")}</p>
        <p>
          <Button onClick={() => ask({ ...EVERYTHING, sort: query.peek().sort })}>
            {t("inventory.clear_filters")}
          </Button>
        </p>
      </div>
    );
  }
  return narrow ? <Cards /> : <Grid />;
}
