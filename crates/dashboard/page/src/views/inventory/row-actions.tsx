// What can be done with a row. Its buttons are there while it is pointed at or has the keyboard; where nothing can point, one
// button in each other row brings them.

import { Link } from "wouter-preact";
import { t } from "../../i18n";
import { may } from "../../api/session";
import type { Item } from "../../live/stock";
import { Button } from "../../ui/button";
import { Icon } from "../../ui/icon";
import { askDelete, subjects } from "./doing";
import { dialog, moveCursor } from "./state";
import { stepQuantity } from "./steps";

const POINTS = matchMedia("(hover: hover)");

export function Actions({ item, active }: { item: Item; active: boolean }) {
  const { id, name } = item;
  if (!active && POINTS.matches) return null;
  if (!active) {
    return (
      <Button
        kind="plain"
        small
        icon="more"
        tabIndex={-1}
        label={t("inventory.actions_of", { name })}
        // It makes room for the others: the focus goes to the cell that stays.
        onMouseDown={(event) => event.preventDefault()}
        onClick={() => moveCursor({ id, place: "actions" })}
      />
    );
  }
  return (
    <>
      <Link
        href={`/items/${id}`}
        class="button plain small icon-only"
        tabIndex={-1}
        aria-label={t("inventory.open", { name })}
        title={t("inventory.open", { name })}
      >
        <Icon name="history" />
      </Link>
      {may("items") && (
        <>
          <Button
            kind="plain"
            small
            icon="edit"
            tabIndex={-1}
            label={t("inventory.edit", { name })}
            onClick={() => (dialog.value = { kind: "edit", item })}
          />
          <Button
            kind="plain"
            small
            icon="trash"
            tabIndex={-1}
            label={t("inventory.delete", { name })}
            onClick={(event) => askDelete(subjects(item), event.shiftKey)}
          />
        </>
      )}
    </>
  );
}

export function Stepper({ item, by }: { item: Item; by: 1 | -1 }) {
  const label = t(by > 0 ? "inventory.step_up" : "inventory.step_down", { name: item.name });
  return (
    <Button
      kind="plain"
      small
      class={by > 0 ? "step up" : "step down"}
      icon={by > 0 ? "add" : "minus"}
      tabIndex={-1}
      label={label}
      onClick={(event) => {
        moveCursor({ id: item.id, place: "quantity" });
        if (event.shiftKey) dialog.value = { kind: "adjust", items: subjects(item) };
        else stepQuantity(item.id, by);
      }}
    />
  );
}
