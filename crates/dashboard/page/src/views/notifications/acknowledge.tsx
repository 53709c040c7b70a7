// Says that somebody sees to a notification, with a note for the others.

import { useState } from "preact/hooks";
import { type ApiProblem, api, asProblem, good } from "../../api/client";
import { t } from "../../i18n";
import type { Notification } from "../../live/stock";
import { Button } from "../../ui/button";
import { Dialog } from "../../ui/dialog";
import { Field } from "../../ui/field";

export function Acknowledge({ notification, onClose }: { notification: Notification; onClose: () => void }) {
  const [note, setNote] = useState(notification.note ?? "");
  const [problem, setProblem] = useState<ApiProblem>();
  const [busy, setBusy] = useState(false);
  const submit = async (): Promise<void> => {
    setBusy(true);
    const text = note.trim();
    const params = { path: { id: notification.id } };
    // A note that there was is taken back where there is none any more.
    const body = text !== "" ? { note: text } : notification.note !== null ? { note: null } : {};
    try {
      await good(api.POST("/api/v1/notifications/{id}/acknowledge", { params, body }));
      onClose();
    } catch (error) {
      setProblem(asProblem(error));
      setBusy(false);
    }
  };
  return (
    <Dialog
      title={t("notifications.acknowledge_title")}
      onClose={onClose}
      onSubmit={submit}
      actions={
        <>
          <Button onClick={onClose}>{t("common.cancel")}</Button>
          <Button type="submit" kind="primary" disabled={busy}>
            {notification.acknowledged_at === null ? t("notifications.acknowledge") : t("common.save")}
          </Button>
        </>
      }
    >
      <p>{notification.message}</p>
      <Field label={t("notifications.note")} hint={t("notifications.note_hint")} wrong={problem?.of("note")}>
        {(given) => (
          <textarea {...given} maxLength={2000} value={note} onInput={(event) => setNote(event.currentTarget.value)} />
        )}
      </Field>
      {problem !== undefined && problem.of("note") === undefined && (
        <p class="notice danger" role="alert">
          {problem.text}
        </p>
      )}
    </Dialog>
  );
}
