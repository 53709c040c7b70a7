// The form of a monitor: everything that can be said about one. What is wrong stands at the field that it is about.

import type { ComponentChildren } from "preact";
import type { ApiProblem } from "../../api/client";
import { t } from "../../i18n";
import { Check, ChoiceField, TextField } from "../../ui/field";
import { ChannelFields } from "./channel-fields";
import { ConditionFields } from "./condition-fields";
import type { Draft } from "./draft";
import { MessageField } from "./message-field";
import { ScheduleFields } from "./schedule-fields";
import { ScopeFields } from "./scope-fields";
import { SEVERITIES } from "./sentence";
import { SpanField } from "./span-field";

/** What each part of the form is given. */
export interface Part {
  readonly draft: Draft;
  readonly set: (some: Partial<Draft>) => void;
  /** What is wrong with a field, by its pointer without the slash before it. */
  readonly wrong: (field: string) => string | undefined;
  /** What it looks at and when it tells can't be changed. */
  readonly fixed: boolean;
}

interface Props {
  draft: Draft;
  onDraft: (draft: Draft) => void;
  problem: ApiProblem | undefined;
  fixed?: boolean;
  /** It isn't there yet. */
  isNew?: boolean;
}

export function Form({ draft, onDraft, problem, fixed = false, isNew = false }: Props) {
  const set = (some: Partial<Draft>): void => onDraft({ ...draft, ...some });
  const wrong = (field: string): string | undefined => problem?.of(field);
  const part: Part = { draft, set, wrong, fixed };
  return (
    <div class="stack">
      <TextField
        label={t("monitors.name")}
        required
        maxLength={200}
        value={draft.name}
        onText={(name) => set({ name })}
        wrong={wrong("name")}
      />
      {fixed && <p class="notice">{t("monitors.built_in_hint")}</p>}
      <ScopeFields {...part} />
      <ConditionFields {...part} />
      <Group title={t("monitors.telling")}>
        <ChoiceField
          label={t("notifications.severity")}
          value={draft.severity}
          choices={SEVERITIES.map((value) => ({ value, text: t(`notifications.severity_${value}`) }))}
          onChoice={(severity) => set({ severity })}
          wrong={wrong("severity")}
        />
        <SpanField
          label={t("monitors.cooldown")}
          hint={t("monitors.cooldown_hint")}
          value={draft.cooldown}
          onSpan={(cooldown) => set({ cooldown })}
          wrong={wrong("cooldown_seconds")}
        />
        <MessageField {...part} />
        <Check
          label={t("monitors.notify_existing")}
          checked={draft.notifyExisting}
          onCheck={(notifyExisting) => set({ notifyExisting })}
        />
        {isNew && (
          <Check label={t("monitors.run_at_once")} checked={draft.running} onCheck={(running) => set({ running })} />
        )}
      </Group>
      <ScheduleFields {...part} />
      <ChannelFields {...part} />
    </div>
  );
}

/** Fields that belong together. */
export function Group({ title, children }: { title: string; children: ComponentChildren }) {
  return (
    <fieldset class="card form-group">
      <legend>{title}</legend>
      <div class="form-fields">{children}</div>
    </fieldset>
  );
}
