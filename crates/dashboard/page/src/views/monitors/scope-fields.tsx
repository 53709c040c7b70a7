// Which items a monitor looks at.

import { t } from "../../i18n";
import { ChoiceField, TextField } from "../../ui/field";
import type { ValueKind } from "./draft";
import { Group, type Part } from "./form";
import { ItemSearch } from "./item-search";

const SCOPES = ["all", "item", "sku_prefix", "attribute"] as const;
const VALUES: readonly ValueKind[] = ["text", "number", "true", "false", "null"];

export function ScopeFields(part: Part) {
  const { draft, set, wrong, fixed } = part;
  return (
    <Group title={t("monitors.scope")}>
      <ChoiceField
        label={t("monitors.which_items")}
        value={draft.scope}
        choices={SCOPES.map((value) => ({ value, text: t(`monitors.scope_${value}`) }))}
        onChoice={(scope) => set({ scope })}
        wrong={wrong("scope") ?? wrong("scope/kind")}
        disabled={fixed}
      />
      {draft.scope === "item" && (
        <ItemSearch
          value={draft.item}
          onItem={(item) => set({ item })}
          wrong={wrong("scope/item_id")}
          disabled={fixed}
        />
      )}
      {draft.scope === "sku_prefix" && (
        <TextField
          label={t("monitors.prefix")}
          hint={t("monitors.prefix_hint")}
          maxLength={64}
          value={draft.prefix}
          onText={(prefix) => set({ prefix })}
          wrong={wrong("scope/prefix")}
          disabled={fixed}
        />
      )}
      {draft.scope === "attribute" && <AttributeFields {...part} />}
    </Group>
  );
}

function AttributeFields({ draft, set, wrong, fixed }: Part) {
  const isTyped = draft.valueKind === "text" || draft.valueKind === "number";
  return (
    <>
      <TextField
        label={t("monitors.attribute")}
        maxLength={200}
        value={draft.attribute}
        onText={(attribute) => set({ attribute })}
        wrong={wrong("scope/name")}
        disabled={fixed}
      />
      <ChoiceField
        label={t("monitors.value_kind")}
        value={draft.valueKind}
        choices={VALUES.map((value) => ({ value, text: t(`monitors.value_${value}`) }))}
        onChoice={(valueKind) => set({ valueKind })}
        wrong={isTyped ? undefined : wrong("scope/value")}
        disabled={fixed}
      />
      {isTyped && (
        <TextField
          label={t("monitors.value")}
          value={draft.value}
          onText={(value) => set({ value })}
          wrong={wrong("scope/value")}
          disabled={fixed}
        />
      )}
    </>
  );
}
