// What a change changed, as a list: the field, what it was, what it is.

import { t } from "../i18n";
import { price, whole } from "../i18n/format";
import type { Difference, Field, Value } from "../live/differences";

/** A value of a field as people read it. */
export function valueText(field: Field, value: Value): string {
  if (value === null || value === "") return t("common.none");
  if (field === "price") return price(String(value));
  return typeof value === "number" ? whole(value) : value;
}

/** A value of an integrator's own field. */
export function attributeText(value: unknown): string {
  return typeof value === "string" ? value : JSON.stringify(value);
}

interface Told {
  name: string;
  before: string | undefined;
  after: string | undefined;
}

function told(difference: Difference): Told {
  if (difference.kind === "attribute") {
    const { name, before, after } = difference;
    const text = (value: unknown): string | undefined => (value === undefined ? undefined : attributeText(value));
    return { name, before: text(before), after: text(after) };
  }
  const { field, before, after } = difference;
  return {
    name: t(`item.${field}`),
    before: before === undefined ? undefined : valueText(field, before),
    after: valueText(field, after),
  };
}

/** The first `most` differences, and how many there are besides. */
export function Differences({ of, most = Infinity }: { of: readonly Difference[]; most?: number }) {
  if (of.length === 0) return null;
  return (
    <ul class="differences">
      {of.slice(0, most).map((difference) => {
        const { name, before, after } = told(difference);
        return (
          <li key={`${difference.kind} ${name}`}>
            <span class="quiet">{name}</span> {before !== undefined && <del>{before}</del>}
            {before !== undefined && after !== undefined && <span aria-hidden="true"> → </span>}
            {after !== undefined && <ins>{after}</ins>}
          </li>
        );
      })}
      {of.length > most && <li class="quiet">{t("item.more_fields", { count: of.length - most })}</li>}
    </ul>
  );
}
