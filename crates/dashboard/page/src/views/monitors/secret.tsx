// A webhook's secret, shown this once.

import { useState } from "preact/hooks";
import { t } from "../../i18n";
import { Button } from "../../ui/button";
import { Dialog } from "../../ui/dialog";
import { Field } from "../../ui/field";
import { announce } from "../../ui/toasts";
import { failed } from "../../ui/trouble";

export function Secret({ secret, onClose }: { secret: string; onClose: () => void }) {
  const [copied, setCopied] = useState(false);
  const copy = async (): Promise<void> => {
    try {
      await navigator.clipboard.writeText(secret);
      setCopied(true);
      announce(t("common.copied"));
    } catch (error) {
      failed(error);
    }
  };
  return (
    <Dialog
      final
      title={t("monitors.secret")}
      onClose={onClose}
      actions={
        <>
          <Button icon={copied ? "check" : "copy"} onClick={copy}>
            {copied ? t("common.copied") : t("common.copy")}
          </Button>
          <Button kind="primary" onClick={onClose}>
            {t("monitors.secret_kept")}
          </Button>
        </>
      }
    >
      <p>{t("monitors.secret_hint")}</p>
      <Field label={t("monitors.secret")}>
        {(given) => (
          <input
            {...given}
            class="input mono"
            readOnly
            value={secret}
            onFocus={(event) => event.currentTarget.select()}
          />
        )}
      </Field>
    </Dialog>
  );
}
