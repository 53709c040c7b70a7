// One of a few, as buttons beside each other.

import { Button } from "./button";

interface Props<T extends string> {
  label: string;
  choices: readonly { readonly value: T; readonly text: string }[];
  chosen: T | undefined;
  onChoice: (value: T) => void;
}

export function Choices<T extends string>({ label, choices, chosen, onChoice }: Props<T>) {
  return (
    <div class="choices" role="group" aria-label={label}>
      {choices.map(({ value, text }) => (
        <Button key={value} small aria-pressed={value === chosen} onClick={() => onChoice(value)}>
          {text}
        </Button>
      ))}
    </div>
  );
}
