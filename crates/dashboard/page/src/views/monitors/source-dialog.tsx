// Makes or changes a data source: how it is reached, and where in its rows everything is.

import { useState } from "preact/hooks";
import { type ApiProblem, api, asProblem, good, tagOf } from "../../api/client";
import { t } from "../../i18n";
import { Button } from "../../ui/button";
import { Dialog } from "../../ui/dialog";
import { Check, ChoiceField, TextField } from "../../ui/field";
import { Group } from "./form";
import { FormProblem } from "./new";
import { NEW_SOURCE, type Source, sourceBody, type SourceDraft, sourceDraftOf } from "./source-draft";
import { SpanField } from "./span-field";

interface Props {
  source: Source | undefined;
  onClose: () => void;
  onSaved: (source: Source, isNew: boolean) => void;
}

interface Part {
  readonly draft: SourceDraft;
  readonly set: (some: Partial<SourceDraft>) => void;
  readonly wrong: (field: string) => string | undefined;
}

export function SourceDialog({ source, onClose, onSaved }: Props) {
  const [draft, setDraft] = useState(() => (source === undefined ? NEW_SOURCE : sourceDraftOf(source)));
  const [problem, setProblem] = useState<ApiProblem>();
  const submit = async (): Promise<void> => {
    const body = sourceBody(draft);
    try {
      if (source === undefined) {
        onSaved(await good(api.POST("/api/v1/sources", { body })), true);
        return;
      }
      const params = { path: { id: source.id }, header: { "If-Match": tagOf(source.version) } };
      const patch = { ...body, mapping: { ...body.mapping } };
      onSaved(await good(api.PATCH("/api/v1/sources/{id}", { params, body: patch })), false);
    } catch (error) {
      setProblem(asProblem(error));
    }
  };
  const part: Part = {
    draft,
    set: (some) => setDraft({ ...draft, ...some }),
    wrong: (field) => problem?.of(field),
  };
  return (
    <Dialog
      wide
      title={source === undefined ? t("monitors.new_source") : t("monitors.edit_source")}
      onClose={onClose}
      onSubmit={submit}
      actions={
        <>
          <Button onClick={onClose}>{t("common.cancel")}</Button>
          <Button type="submit" kind="primary">
            {t("common.save")}
          </Button>
        </>
      }
    >
      <General {...part} isNew={source === undefined} />
      {draft.kind === "pull" && <Reach {...part} header={source?.header?.name} />}
      <MappingFields {...part} />
      <Weight {...part} />
      <FormProblem problem={problem} />
    </Dialog>
  );
}

function General({ draft, set, wrong, isNew }: Part & { isNew: boolean }) {
  return (
    <div class="form-fields">
      <TextField
        label={t("monitors.name")}
        maxLength={200}
        value={draft.name}
        onText={(name) => set({ name })}
        wrong={wrong("name")}
      />
      <ChoiceField
        label={t("monitors.source_kind")}
        value={draft.kind}
        choices={(["push", "pull"] as const).map((value) => ({ value, text: t(`monitors.kind_${value}`) }))}
        onChoice={(kind) => set({ kind, enabled: kind === "push" })}
        wrong={wrong("kind")}
        disabled={!isNew}
      />
      <ChoiceField
        label={t("monitors.format")}
        value={draft.format}
        choices={[
          { value: "csv", text: "CSV" },
          { value: "json", text: "JSON" },
        ]}
        onChoice={(format) => set({ format })}
        wrong={wrong("format")}
      />
      {isNew && (
        <Check label={t("monitors.run_at_once")} checked={draft.enabled} onCheck={(enabled) => set({ enabled })} />
      )}
    </div>
  );
}

function Reach({ draft, set, wrong, header }: Part & { header: string | undefined }) {
  return (
    <Group title={t("monitors.reach")}>
      <TextField
        label={t("monitors.url")}
        type="url"
        value={draft.url}
        onText={(url) => set({ url })}
        wrong={wrong("url")}
      />
      <SpanField
        label={t("monitors.interval")}
        value={draft.interval}
        onSpan={(interval) => set({ interval })}
        wrong={wrong("interval_seconds")}
      />
      <TextField
        label={t("monitors.timeout")}
        inputMode="numeric"
        value={draft.timeout}
        onText={(timeout) => set({ timeout })}
        wrong={wrong("timeout_seconds")}
      />
      <TextField
        label={t("monitors.header_name")}
        hint={header === undefined ? undefined : t("monitors.header_there", { name: header })}
        autocomplete="off"
        placeholder="Authorization"
        value={draft.headerName}
        onText={(headerName) => set({ headerName })}
        wrong={wrong("header/name") ?? wrong("header")}
      />
      <TextField
        label={t("monitors.header_value")}
        hint={t("monitors.header_value_hint")}
        type="password"
        autocomplete="off"
        value={draft.headerValue}
        onText={(headerValue) => set({ headerValue })}
        wrong={wrong("header/value")}
      />
      {header !== undefined && (
        <Check
          label={t("monitors.header_forget")}
          checked={draft.forgetHeader}
          onCheck={(forgetHeader) => set({ forgetHeader })}
        />
      )}
    </Group>
  );
}

const MATCHES = ["sku", "id", "attribute"] as const;
type TextKey = "rows" | "field" | "attribute" | "quantity" | "price" | "factor";

function MappingFields(part: Part) {
  const { draft, set, wrong } = part;
  const isCsv = draft.format === "csv";
  return (
    <Group title={t("monitors.mapping")}>
      {!isCsv && <MappingText {...part} name="rows" pointer="rows" hint={t("monitors.map_rows_hint")} />}
      <MappingText
        {...part}
        name="field"
        pointer="item/field"
        hint={isCsv ? undefined : t("monitors.map_field_hint")}
      />
      <ChoiceField
        label={t("monitors.map_match")}
        value={draft.match}
        choices={MATCHES.map((value) => ({ value, text: t(`monitors.match_${value}`) }))}
        onChoice={(match) => set({ match })}
        wrong={wrong("mapping/item/match")}
      />
      {draft.match === "attribute" && <MappingText {...part} name="attribute" pointer="item/attribute" />}
      <MappingText {...part} name="quantity" pointer="quantity" />
      <MappingText {...part} name="price" pointer="price" />
      <MappingText {...part} name="factor" pointer="price_factor" hint={t("monitors.map_factor_hint")} />
      {isCsv && (
        <>
          <ChoiceField
            label={t("monitors.delimiter")}
            value={draft.delimiter}
            choices={[
              { value: "", text: t("monitors.delimiter_comma") },
              { value: ";", text: t("monitors.delimiter_semicolon") },
              { value: "\t", text: t("monitors.delimiter_tab") },
            ]}
            onChoice={(delimiter) => set({ delimiter })}
            wrong={wrong("mapping/delimiter")}
          />
          <Check
            label={t("monitors.decimal_comma")}
            checked={draft.decimalComma}
            onCheck={(decimalComma) => set({ decimalComma })}
          />
        </>
      )}
    </Group>
  );
}

function MappingText({ draft, set, wrong, name, pointer, hint }: Part & MappingProps) {
  return (
    <TextField
      label={t(`monitors.map_${name}`)}
      hint={hint}
      autocomplete="off"
      value={draft[name]}
      onText={(text) => set({ [name]: text })}
      wrong={wrong(`mapping/${pointer}`)}
    />
  );
}

interface MappingProps {
  name: TextKey;
  pointer: string;
  hint?: string | undefined;
}

function Weight({ draft, set, wrong }: Part) {
  return (
    <Group title={t("monitors.weight")}>
      <TextField
        label={t("monitors.priority")}
        hint={t("monitors.priority_hint")}
        inputMode="numeric"
        value={draft.priority}
        onText={(priority) => set({ priority })}
        wrong={wrong("priority")}
      />
      <SpanField
        label={t("monitors.fresh")}
        hint={t("monitors.fresh_hint")}
        value={draft.fresh}
        onSpan={(fresh) => set({ fresh })}
        wrong={wrong("fresh_for_seconds")}
      />
      <TextField
        label={t("monitors.max_change")}
        hint={t("monitors.max_change_hint")}
        inputMode="decimal"
        value={draft.maxChange}
        onText={(maxChange) => set({ maxChange })}
        wrong={wrong("max_change_percent")}
      />
    </Group>
  );
}
