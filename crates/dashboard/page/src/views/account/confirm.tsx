// A question before something that can't be taken back, with room to say why.

import type { ComponentChildren } from "preact";
import { useState } from "preact/hooks";
import { t } from "../../i18n";
import { Button } from "../../ui/button";
import { Dialog } from "../../ui/dialog";
import { TextField } from "../../ui/field";
import { useAct } from "./act";
import { Trouble } from "../../ui/trouble";

interface Props {
  title: string;
  action: string;
  danger?: boolean;
  onConfirm: (reason: string) => Promise<void>;
  onClose: () => void;
  children: ComponentChildren;
}

export function Confirm({ title, action, danger, onConfirm, onClose, children }: Props) {
  const [reason, setReason] = useState("");
  const act = useAct();
  const confirm = async (): Promise<void> => {
    if (await act.run(() => onConfirm(reason))) onClose();
  };
  return (
    <Dialog
      title={title}
      onClose={onClose}
      onSubmit={confirm}
      actions={
        <>
          <Button onClick={onClose}>{t("common.cancel")}</Button>
          <Button type="submit" kind={danger ? "danger" : "primary"} disabled={act.busy}>
            {action}
          </Button>
        </>
      }
    >
      {children}
      <TextField
        label={`${t("common.reason")} (${t("common.optional")})`}
        hint={t("account.reason_hint")}
        value={reason}
        maxLength={500}
        onText={setReason}
      />
      <Trouble problem={act.wrong} />
    </Dialog>
  );
}
