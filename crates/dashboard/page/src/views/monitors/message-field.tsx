// The words of a notification, with the placeholders that there are to put in.

import { useRef } from "preact/hooks";
import { t } from "../../i18n";
import { Field } from "../../ui/field";
import type { Part } from "./form";

const PLACEHOLDERS = [
  "item.name",
  "item.sku",
  "item.id",
  "item.unit",
  "value",
  "previous_value",
  "threshold",
  "reference",
  "monitor.name",
  "severity",
  "at",
] as const;

export function MessageField({ draft, set, wrong }: Part) {
  const text = useRef<HTMLTextAreaElement>(null);
  const put = (placeholder: string): void => {
    const area = text.current;
    const from = area?.selectionStart ?? draft.message.length;
    const until = area?.selectionEnd ?? from;
    const put = `{${placeholder}}`;
    set({ message: draft.message.slice(0, from) + put + draft.message.slice(until) });
    // Once it is there, what is typed goes on behind it.
    requestAnimationFrame(() => {
      area?.focus();
      area?.setSelectionRange(from + put.length, from + put.length);
    });
  };
  return (
    <div class="form-wide stack">
      <Field label={t("monitors.message")} hint={t("monitors.message_hint")} wrong={wrong("message")}>
        {(given) => (
          <textarea
            {...given}
            ref={text}
            maxLength={1000}
            value={draft.message}
            onInput={(event) => set({ message: event.currentTarget.value })}
          />
        )}
      </Field>
      <div class="row placeholders" role="group" aria-label={t("monitors.placeholders")}>
        {PLACEHOLDERS.map((placeholder) => (
          <button key={placeholder} type="button" class="button small mono" onClick={() => put(placeholder)}>
            {`{${placeholder}}`}
          </button>
        ))}
      </div>
    </div>
  );
}
