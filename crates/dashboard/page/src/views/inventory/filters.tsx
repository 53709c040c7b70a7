// The filters to choose from.

import { useSignal } from "@preact/signals";
import { useId, useMemo } from "preact/hooks";
import { t } from "../../i18n";
import { Button } from "../../ui/button";
import { Check, ChoiceField, Field } from "../../ui/field";
import { attributeColumns, attributeTitle } from "./columns";
import { textOf } from "./fields";
import { ask, everything, query } from "./model";
import { LEVELS, type Span, SPANS } from "./query";

/** So many values of an attribute are suggested. */
const MOST = 200;

export function Filters() {
  const now = query.value;
  return (
    <fieldset class="filters">
      <legend class="hidden">{t("inventory.filters")}</legend>
      <div class="stack">
        {LEVELS.map((level) => (
          <Check
            key={level}
            label={t(`inventory.level_${level}`)}
            checked={now.levels.includes(level)}
            onCheck={(checked) =>
              ask({ levels: LEVELS.filter((one) => (one === level ? checked : now.levels.includes(one))) })
            }
          />
        ))}
      </div>
      <ChoiceField<Span | "">
        label={t("inventory.changed")}
        value={now.changed ?? ""}
        choices={[
          { value: "", text: t("inventory.changed_ever") },
          ...(Object.keys(SPANS) as Span[]).map((span) => ({ value: span, text: t(`inventory.changed_${span}`) })),
        ]}
        onChoice={(span) => ask({ changed: span === "" ? undefined : span })}
      />
      <AttributeFilter />
    </fieldset>
  );
}

function AttributeFilter() {
  const names = useMemo(() => attributeColumns(everything()).map((column) => attributeTitle(column) ?? ""), []);
  const name = useSignal(names[0] ?? "");
  const value = useSignal("");
  const id = useId();
  const values = useMemo(() => valuesOf(name.value), [name.value]);
  if (names.length === 0) return null;
  const add = (event: Event): void => {
    event.preventDefault();
    const wanted = { name: name.value, value: value.value.trim() };
    if (wanted.value === "") return;
    const others = query.peek().attributes.filter((one) => one.name !== wanted.name);
    ask({ attributes: [...others, wanted] });
    value.value = "";
  };
  return (
    <form class="attribute-filter" onSubmit={add}>
      <ChoiceField
        label={t("inventory.attribute")}
        value={name.value}
        choices={names.map((name) => ({ value: name, text: name }))}
        onChoice={(chosen) => (name.value = chosen)}
      />
      <Field label={t("inventory.attribute_value")}>
        {(given) => (
          <input
            {...given}
            list={id}
            value={value.value}
            onInput={(event) => (value.value = event.currentTarget.value)}
          />
        )}
      </Field>
      <datalist id={id}>
        {values.map((value) => (
          <option key={value} value={value} />
        ))}
      </datalist>
      <Button type="submit">{t("inventory.filter_by_it")}</Button>
    </form>
  );
}

function valuesOf(name: string): readonly string[] {
  const found = new Set<string>();
  for (const item of everything()) {
    if (Object.hasOwn(item.attributes, name)) found.add(textOf(item.attributes[name]));
    if (found.size === MOST) break;
  }
  return [...found].filter((value) => value !== "").sort();
}
