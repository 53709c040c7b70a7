// What a monitor looks at and when it tells, as sentences in the language of the page.

import type { components } from "../../api/schema.gen";
import { language, t } from "../../i18n";
import { price, whole } from "../../i18n/format";

export type Condition = components["schemas"]["Condition"];
export type Scope = components["schemas"]["Scope"];
export type Measure = components["schemas"]["Measure"];
export type Amount = components["schemas"]["Amount"];
export type Severity = components["schemas"]["Severity"];

export const SEVERITIES: readonly Severity[] = ["info", "warning", "critical"];

/** The units that durations are told in, the largest first, with their seconds. */
export const UNITS = [
  { unit: "day", seconds: 86_400 },
  { unit: "hour", seconds: 3600 },
  { unit: "minute", seconds: 60 },
  { unit: "second", seconds: 1 },
] as const;
export type Unit = (typeof UNITS)[number]["unit"];

/** The largest unit in which a duration is a whole number, and that number. */
export function inUnits(seconds: number): { readonly count: number; readonly unit: Unit } {
  const fits = UNITS.find((unit) => seconds >= unit.seconds && seconds % unit.seconds === 0);
  return fits === undefined ? { count: seconds, unit: "second" } : { count: seconds / fits.seconds, unit: fits.unit };
}

/** A duration, such as "10 minutes". */
export function duration(seconds: number): string {
  const { count, unit } = inUnits(seconds);
  return new Intl.NumberFormat(language.value, { style: "unit", unit, unitDisplay: "long" }).format(count);
}

/** A value of a monitor: a quantity is a number, a price a decimal text. */
export function amount(value: Amount): string {
  return typeof value === "number" ? whole(value) : price(value);
}

/** When it tells. */
export function conditionText(condition: Condition, measure: Measure): string {
  const values = { measure: t(`monitors.measure_${measure}`) };
  switch (condition.kind) {
    case "below":
    case "above":
      return t(`monitors.when_${condition.kind}`, { ...values, threshold: amount(condition.threshold) });
    case "outside":
      return t("monitors.when_outside", { ...values, low: amount(condition.low), high: amount(condition.high) });
    case "rises_by":
    case "falls_by": {
      const said = { ...values, percent: condition.percent };
      return condition.base == null
        ? t(`monitors.when_${condition.kind}`, said)
        : t(`monitors.when_${condition.kind}_from`, { ...said, base: amount(condition.base) });
    }
    case "changes_by":
      return t("monitors.when_changes_by", {
        ...values,
        percent: condition.percent,
        time: duration(condition.window_seconds),
      });
    case "unchanged_for":
      return t("monitors.when_unchanged_for", { ...values, time: duration(condition.seconds) });
    case "at_reorder_point":
      return t("monitors.when_at_reorder_point");
  }
}

/** Which items; `nameOfItem` knows what they are called, unless they are gone. */
export function scopeText(scope: Scope, nameOfItem: (id: number) => string | undefined): string {
  switch (scope.kind) {
    case "all":
      return t("monitors.of_all");
    case "item":
      return nameOfItem(scope.item_id) ?? t("monitors.of_item_gone", { id: scope.item_id });
    case "sku_prefix":
      return t("monitors.of_prefix", { prefix: scope.prefix });
    case "attribute":
      return t("monitors.of_attribute", { name: scope.name, value: attributeText(scope.value) });
  }
}

/** Texts in quotes, so that "7" and 7 differ. */
function attributeText(value: unknown): string {
  return JSON.stringify(value);
}
