// A duration: a number and its unit.

import { t } from "../../i18n";
import { Field } from "../../ui/field";
import type { Span } from "./draft";
import { type Unit, UNITS } from "./sentence";

interface Props {
  label: string;
  hint?: string | undefined;
  wrong?: string | undefined;
  disabled?: boolean | undefined;
  value: Span;
  onSpan: (span: Span) => void;
}

export function SpanField({ label, hint, wrong, disabled, value, onSpan }: Props) {
  return (
    <Field label={label} hint={hint} wrong={wrong}>
      {(given) => (
        <div class="span-field">
          <input
            {...given}
            inputMode="decimal"
            disabled={disabled}
            value={value.count}
            onInput={(event) => onSpan({ ...value, count: event.currentTarget.value })}
          />
          <select
            class="input"
            aria-label={t("monitors.unit_of", { label })}
            disabled={disabled}
            value={value.unit}
            onChange={(event) => onSpan({ ...value, unit: event.currentTarget.value as Unit })}
          >
            {UNITS.map(({ unit }) => (
              <option key={unit} value={unit}>
                {t(`monitors.unit_${unit}`)}
              </option>
            ))}
          </select>
        </div>
      )}
    </Field>
  );
}
