// Makes or changes a channel.

import { useState } from "preact/hooks";
import { type ApiProblem, api, asProblem, good, tagOf } from "../../api/client";
import { t } from "../../i18n";
import { Button } from "../../ui/button";
import { Dialog } from "../../ui/dialog";
import { Check, ChoiceField, Field, TextField } from "../../ui/field";
import type { Channel } from "./channel-fields";
import { FormProblem } from "./new";

interface Props {
  channel: Channel | undefined;
  onClose: () => void;
  onSaved: (secret: string | null | undefined) => void;
}

const listOf = (text: string): string[] => text.split(/[\s,;]+/).filter((address) => address !== "");

export function ChannelDialog({ channel, onClose, onSaved }: Props) {
  const [kind, setKind] = useState(channel?.kind ?? "email");
  const [name, setName] = useState(channel?.name ?? "");
  const [recipients, setRecipients] = useState(channel?.recipients.join("\n") ?? "");
  const [url, setUrl] = useState(channel?.url ?? "");
  const [enabled, setEnabled] = useState(channel?.enabled ?? true);
  const [problem, setProblem] = useState<ApiProblem>();
  const submit = async (): Promise<void> => {
    const where = kind === "email" ? { recipients: listOf(recipients) } : { url: url.trim() };
    const body = { name, enabled, ...where };
    try {
      if (channel === undefined) {
        onSaved((await good(api.POST("/api/v1/channels", { body: { ...body, kind } }))).secret);
        return;
      }
      const params = { path: { id: channel.id }, header: { "If-Match": tagOf(channel.version) } };
      await good(api.PATCH("/api/v1/channels/{id}", { params, body }));
      onSaved(undefined);
    } catch (error) {
      setProblem(asProblem(error));
    }
  };
  const entry = problem?.errors.find((error) => error.pointer.startsWith("/recipients"));
  return (
    <Dialog
      title={channel === undefined ? t("monitors.new_channel") : t("monitors.edit_channel")}
      onClose={onClose}
      onSubmit={submit}
      actions={
        <>
          <Button onClick={onClose}>{t("common.cancel")}</Button>
          <Button type="submit" kind="primary">
            {t("common.save")}
          </Button>
        </>
      }
    >
      <ChoiceField
        label={t("monitors.channel_kind")}
        value={kind}
        choices={(["email", "webhook"] as const).map((value) => ({ value, text: t(`monitors.channel_${value}`) }))}
        onChoice={setKind}
        disabled={channel !== undefined}
      />
      <TextField label={t("monitors.name")} maxLength={200} value={name} onText={setName} wrong={problem?.of("name")} />
      {kind === "email" ? (
        <Field label={t("monitors.recipients")} hint={t("monitors.recipients_hint")} wrong={entry?.detail}>
          {(given) => (
            <textarea {...given} value={recipients} onInput={(event) => setRecipients(event.currentTarget.value)} />
          )}
        </Field>
      ) : (
        <TextField
          label={t("monitors.url")}
          hint={t("monitors.url_hint")}
          type="url"
          maxLength={2000}
          value={url}
          onText={setUrl}
          wrong={problem?.of("url")}
        />
      )}
      <Check label={t("monitors.enabled")} checked={enabled} onCheck={setEnabled} />
      <FormProblem problem={problem} />
    </Dialog>
  );
}
