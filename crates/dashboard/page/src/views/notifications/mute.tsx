// Keeps quiet about an item, a monitor, or a monitor about an item, for a while or until somebody says otherwise.

import { useState } from "preact/hooks";
import { type ApiProblem, api, asProblem, good } from "../../api/client";
import { t } from "../../i18n";
import type { Notification } from "../../live/stock";
import { Button } from "../../ui/button";
import { Dialog } from "../../ui/dialog";
import { ChoiceField, TextField } from "../../ui/field";
import { toast } from "../../ui/toasts";
import { duration } from "../monitors/sentence";
import { mutesChanged } from "./mutes";

const HOUR = 3600;
const TIMES = [HOUR, 8 * HOUR, 24 * HOUR, 7 * 24 * HOUR, 30 * 24 * HOUR] as const;
type Of = "pair" | "monitor" | "item";

export function MuteDialog({ notification, onClose }: { notification: Notification; onClose: () => void }) {
  const [of, setOf] = useState<Of>("pair");
  const [time, setTime] = useState<string>(String(TIMES[1]));
  const [note, setNote] = useState("");
  const [problem, setProblem] = useState<ApiProblem>();
  const [busy, setBusy] = useState(false);
  const submit = async (): Promise<void> => {
    setBusy(true);
    const until = time === "" ? null : new Date(Date.now() + Number(time) * 1000).toISOString();
    const text = note.trim();
    const params = { path: { id: notification.id } };
    const body = { of, until, ...(text !== "" && { note: text }) };
    try {
      await good(api.POST("/api/v1/notifications/{id}/mute", { params, body }));
      mutesChanged();
      toast({ kind: "good", text: t("notifications.is_muted") });
      onClose();
    } catch (error) {
      setProblem(asProblem(error));
      setBusy(false);
    }
  };
  const values = { item: notification.item_name, monitor: notification.monitor_name };
  return (
    <Dialog
      title={t("notifications.mute_title")}
      onClose={onClose}
      onSubmit={submit}
      actions={
        <>
          <Button onClick={onClose}>{t("common.cancel")}</Button>
          <Button type="submit" kind="primary" disabled={busy}>
            {t("notifications.mute")}
          </Button>
        </>
      }
    >
      <p class="quiet">{t("notifications.mute_hint")}</p>
      <ChoiceField<Of>
        label={t("notifications.mute_what")}
        value={of}
        choices={[
          { value: "pair", text: t("notifications.mute_pair", values) },
          { value: "item", text: t("notifications.mute_item", values) },
          { value: "monitor", text: t("notifications.mute_monitor", values) },
        ]}
        onChoice={setOf}
      />
      <ChoiceField
        label={t("notifications.mute_time")}
        value={time}
        choices={[
          ...TIMES.map((seconds) => ({ value: String(seconds), text: duration(seconds) })),
          { value: "", text: t("notifications.mute_forever") },
        ]}
        onChoice={setTime}
        wrong={problem?.of("until")}
      />
      <TextField
        label={`${t("notifications.note")} (${t("common.optional")})`}
        maxLength={2000}
        value={note}
        onText={setNote}
        wrong={problem?.of("note")}
      />
      {problem !== undefined && (
        <p class="notice danger" role="alert">
          {problem.text}
        </p>
      )}
    </Dialog>
  );
}
