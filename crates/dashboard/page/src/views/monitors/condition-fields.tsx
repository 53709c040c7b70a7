// What of the items is looked at, and when it is told: each kind of condition with its own fields.

import { t } from "../../i18n";
import { ChoiceField, TextField } from "../../ui/field";
import { hysteresisUnit } from "./draft";
import { Group, type Part } from "./form";
import type { Condition, Measure } from "./sentence";
import { SpanField } from "./span-field";

const KINDS: readonly Condition["kind"][] = [
  "below",
  "above",
  "outside",
  "rises_by",
  "falls_by",
  "changes_by",
  "unchanged_for",
  "at_reorder_point",
];
const MEASURES: readonly Measure[] = ["quantity", "price"];

export function ConditionFields(part: Part) {
  const { draft, set, wrong, fixed } = part;
  const choose = (measure: Measure): void => {
    // Prices have no reorder point.
    set({ measure, ...(measure === "price" && draft.kind === "at_reorder_point" && { kind: "below" }) });
  };
  const kinds = KINDS.filter((kind) => kind !== "at_reorder_point" || draft.measure === "quantity");
  return (
    <Group title={t("monitors.condition")}>
      <ChoiceField
        label={t("monitors.measure")}
        value={draft.measure}
        choices={MEASURES.map((value) => ({ value, text: t(`monitors.measure_${value}`) }))}
        onChoice={choose}
        wrong={wrong("measure")}
        disabled={fixed}
      />
      <ChoiceField
        label={t("monitors.kind")}
        value={draft.kind}
        choices={kinds.map((value) => ({ value, text: t(`monitors.kind_${value}`) }))}
        onChoice={(kind) => set({ kind })}
        wrong={wrong("condition") ?? wrong("condition/kind")}
        disabled={fixed}
      />
      <KindFields {...part} />
      <Hysteresis {...part} />
    </Group>
  );
}

function KindFields(part: Part) {
  switch (part.draft.kind) {
    case "below":
    case "above":
      return <AmountField {...part} field="threshold" />;
    case "outside":
      return (
        <>
          <AmountField {...part} field="low" />
          <AmountField {...part} field="high" />
        </>
      );
    case "rises_by":
    case "falls_by":
      return (
        <>
          <AmountField {...part} field="percent" />
          <AmountField {...part} field="base" hint={t("monitors.base_hint")} />
        </>
      );
    case "changes_by":
      return (
        <>
          <AmountField {...part} field="percent" />
          <Time {...part} label={t("monitors.window")} field="window_seconds" />
        </>
      );
    case "unchanged_for":
      return <Time {...part} label={t("monitors.seconds")} field="seconds" />;
    case "at_reorder_point":
      return null;
  }
}

type NumberField = "threshold" | "low" | "high" | "percent" | "base";

function AmountField({ draft, set, wrong, fixed, field, hint }: Part & { field: NumberField; hint?: string }) {
  return (
    <TextField
      label={t(`monitors.${field}`)}
      hint={hint}
      inputMode={draft.measure === "quantity" && field !== "percent" ? "numeric" : "decimal"}
      autocomplete="off"
      value={draft[field]}
      onText={(text) => set({ [field]: text })}
      wrong={wrong(`condition/${field}`)}
      disabled={fixed}
    />
  );
}

function Time({ draft, set, wrong, fixed, field, label }: Part & { field: string; label: string }) {
  return (
    <SpanField
      label={label}
      value={draft.time}
      onSpan={(time) => set({ time })}
      wrong={wrong(`condition/${field}`)}
      disabled={fixed}
    />
  );
}

function Hysteresis({ draft, set, wrong }: Part) {
  const unit = hysteresisUnit(draft.kind);
  if (unit === undefined) return null;
  return (
    <TextField
      label={unit === "points" ? t("monitors.hysteresis_points") : t("monitors.hysteresis")}
      hint={t("monitors.hysteresis_hint")}
      inputMode="decimal"
      autocomplete="off"
      placeholder="0"
      value={draft.hysteresis}
      onText={(hysteresis) => set({ hysteresis })}
      wrong={wrong("hysteresis")}
    />
  );
}
