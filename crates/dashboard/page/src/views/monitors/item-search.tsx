// Finds an item among those that are live, by name or sku: a field with a list that arrows move in.

import { useMemo, useState } from "preact/hooks";
import { t } from "../../i18n";
import { type Item, items } from "../../live/stock";
import { Field } from "../../ui/field";
import { itemName } from "./names";

const MOST = 8;

/** The first items that fit what was typed: those whose sku begins with it before the others. */
function found(typed: string): readonly Item[] {
  const wanted = typed.trim().toLowerCase();
  if (wanted === "") return [];
  const first: Item[] = [];
  const others: Item[] = [];
  for (const item of items.state.peek().rows.values()) {
    const sku = item.sku?.toLowerCase();
    if (sku?.startsWith(wanted)) first.push(item);
    else if (others.length < MOST && (item.name.toLowerCase().includes(wanted) || sku?.includes(wanted))) {
      others.push(item);
    }
    if (first.length >= MOST) break;
  }
  return [...first, ...others].slice(0, MOST);
}

interface Props {
  value: number | undefined;
  onItem: (id: number | undefined) => void;
  wrong?: string | undefined;
  disabled?: boolean | undefined;
}

export function ItemSearch({ value, onItem, wrong, disabled }: Props) {
  const [typed, setTyped] = useState<string>();
  const [at, setAt] = useState(0);
  // The list stands still under whoever chooses from it, whatever changes meanwhile.
  const choices = useMemo(() => (typed === undefined ? [] : found(typed)), [typed]);
  const shown = typed ?? (value === undefined ? "" : (itemName(value) ?? `#${value}`));
  const choose = (item: Item | undefined): void => {
    if (item === undefined) return;
    onItem(item.id);
    setTyped(undefined);
  };
  const pressed = (event: KeyboardEvent): void => {
    if (event.key === "ArrowDown") setAt(Math.min(at + 1, choices.length - 1));
    else if (event.key === "ArrowUp") setAt(Math.max(at - 1, 0));
    else if (event.key === "Enter" && choices.length > 0) choose(choices[at]);
    else if (event.key === "Escape" && typed !== undefined) setTyped(undefined);
    else return;
    event.preventDefault();
  };
  return (
    <Field label={t("monitors.item")} hint={t("monitors.item_hint")} wrong={wrong}>
      {(given) => (
        <div class="item-search">
          <input
            {...given}
            role="combobox"
            autocomplete="off"
            aria-expanded={choices.length > 0}
            aria-controls={`${given.id}-list`}
            aria-activedescendant={choices[at] === undefined ? undefined : `${given.id}-${choices[at].id}`}
            disabled={disabled}
            value={shown}
            onInput={(event) => {
              setTyped(event.currentTarget.value);
              setAt(0);
            }}
            onFocus={(event) => event.currentTarget.select()}
            onBlur={() => setTyped(undefined)}
            onKeyDown={pressed}
          />
          <ul id={`${given.id}-list`} role="listbox" class="item-choices" aria-label={t("monitors.item")}>
            {choices.map((item, place) => (
              <li
                key={item.id}
                id={`${given.id}-${item.id}`}
                role="option"
                aria-selected={place === at}
                // Before the field loses the focus, which closes the list.
                onMouseDown={(event) => {
                  event.preventDefault();
                  choose(item);
                }}
              >
                {item.name} {item.sku != null && <span class="quiet">{item.sku}</span>}
              </li>
            ))}
          </ul>
        </div>
      )}
    </Field>
  );
}
