// A labelled field of a form, with a hint and with what is wrong, both read out with it.

import type { JSX } from "preact";
import { useId } from "preact/hooks";

interface Told {
  label: string;
  hint?: string | undefined;
  wrong?: string | undefined;
}

/** What an input is given so that its label, its hint and its error belong to it. */
interface Described {
  id: string;
  class: string;
  "aria-describedby": string | undefined;
  "aria-invalid": boolean | undefined;
}

/** Any input, drawn by `children` with the attributes that it is given. */
export function Field({ label, hint, wrong, children }: Told & { children: (given: Described) => JSX.Element }) {
  const id = useId();
  const described = [hint !== undefined && `${id}-hint`, wrong !== undefined && `${id}-wrong`]
    .filter(Boolean)
    .join(" ");
  const given: Described = {
    id,
    class: "input",
    "aria-describedby": described === "" ? undefined : described,
    "aria-invalid": wrong === undefined ? undefined : true,
  };
  return (
    <div class="field">
      <label for={id}>{label}</label>
      {children(given)}
      {hint !== undefined && (
        <span class="hint" id={`${id}-hint`}>
          {hint}
        </span>
      )}
      {wrong !== undefined && (
        <span class="wrong" id={`${id}-wrong`} role="alert">
          {wrong}
        </span>
      )}
    </div>
  );
}

interface TextProps extends Told, Omit<JSX.IntrinsicElements["input"], "label" | "onInput" | "value"> {
  value: string;
  onText: (text: string) => void;
}

/** A line of text, or a number as text: what is typed is kept as it was typed. */
export function TextField({ label, hint, wrong, value, onText, ...rest }: TextProps) {
  return (
    <Field label={label} hint={hint} wrong={wrong}>
      {(given) => <input {...rest} {...given} value={value} onInput={(event) => onText(event.currentTarget.value)} />}
    </Field>
  );
}

interface ChoiceProps<T extends string> extends Told {
  value: T;
  choices: readonly { readonly value: T; readonly text: string }[];
  onChoice: (value: T) => void;
  disabled?: boolean | undefined;
}

/** One of several. */
export function ChoiceField<T extends string>({
  label,
  hint,
  wrong,
  value,
  choices,
  onChoice,
  disabled,
}: ChoiceProps<T>) {
  return (
    <Field label={label} hint={hint} wrong={wrong}>
      {(given) => (
        <select
          {...given}
          value={value}
          disabled={disabled}
          onChange={(event) => onChoice(event.currentTarget.value as T)}
        >
          {choices.map((choice) => (
            <option key={choice.value} value={choice.value}>
              {choice.text}
            </option>
          ))}
        </select>
      )}
    </Field>
  );
}

/** Yes or no. */
export function Check(props: {
  label: string;
  checked: boolean;
  onCheck: (checked: boolean) => void;
  disabled?: boolean;
}) {
  return (
    <label class="check">
      <input
        type="checkbox"
        checked={props.checked}
        disabled={props.disabled}
        onChange={(event) => props.onCheck(event.currentTarget.checked)}
      />
      {props.label}
    </label>
  );
}
