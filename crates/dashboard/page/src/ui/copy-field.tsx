// A text that is there to be copied: shown whole, selected with a click, copied with a button where the browser allows it.

import { useId, useRef } from "preact/hooks";
import { t } from "../i18n";
import { Button } from "./button";
import { toast } from "./toasts";

interface Props {
  label: string;
  text: string;
  hint?: string;
  /** How many lines are shown: as many as the text has, unless said. */
  lines?: number;
}

export function CopyField({ label, text, hint, lines }: Props) {
  const id = useId();
  const area = useRef<HTMLTextAreaElement>(null);
  const copy = async (): Promise<void> => {
    area.current?.select();
    // Only pages that came by TLS, or from this machine, may write the clipboard.
    const clipboard = navigator.clipboard as Clipboard | undefined;
    try {
      if (clipboard === undefined) throw new Error("there is no clipboard");
      await clipboard.writeText(text);
      toast({ text: t("common.copied"), kind: "good", lasts: 2000 });
    } catch {
      area.current?.focus();
      toast({ text: t("account.copy_by_hand") });
    }
  };
  return (
    <div class="field">
      <label for={id}>{label}</label>
      <div class="copy-field">
        <textarea
          ref={area}
          id={id}
          class="input mono"
          readOnly
          rows={lines ?? text.split("\n").length}
          spellcheck={false}
          value={text}
          onFocus={(event) => event.currentTarget.select()}
        />
        <Button icon="copy" onClick={copy}>
          {t("common.copy")}
        </Button>
      </div>
      {hint !== undefined && <span class="hint">{hint}</span>}
    </div>
  );
}
