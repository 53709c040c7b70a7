// Channels: by what people and programs are told besides this page, and what didn't arrive.

import { useState } from "preact/hooks";
import { api, good, tagOf } from "../../api/client";
import { may } from "../../api/session";
import { t } from "../../i18n";
import { moment, whole } from "../../i18n/format";
import { Button } from "../../ui/button";
import { toast } from "../../ui/toasts";
import { failed, troubleText } from "../../ui/trouble";
import { useAsked } from "./asked";
import { ChannelDialog } from "./channel-dialog";
import { type Channel, readChannels } from "./channel-fields";
import { Confirm } from "./confirm";
import { Deliveries } from "./deliveries";
import { Secret } from "./secret";

export function Channels() {
  const { value, problem, again } = useAsked(readChannels);
  const [open, setOpen] = useState<"new" | Channel>();
  const [secret, setSecret] = useState<string>();
  if (!may("monitors")) return <p class="empty">{t("common.not_allowed")}</p>;
  const saved = (made: string | null | undefined): void => {
    setOpen(undefined);
    if (made != null) setSecret(made);
    again();
  };
  return (
    <>
      <div class="row spread">
        <h1>{t("monitors.channels")}</h1>
        <Button kind="primary" icon="add" onClick={() => setOpen("new")}>
          {t("monitors.new_channel")}
        </Button>
      </div>
      {problem !== undefined && <p class="notice danger">{troubleText(problem)}</p>}
      {value === undefined && problem === undefined && <p class="empty">{t("common.loading")}</p>}
      {value?.length === 0 && <p class="empty">{t("monitors.no_channels")}</p>}
      <ul class="monitor-list">
        {value?.map((channel) => (
          <Row key={channel.id} channel={channel} again={again} edit={() => setOpen(channel)} onSecret={setSecret} />
        ))}
      </ul>
      <Deliveries channels={value ?? []} />
      {open !== undefined && (
        <ChannelDialog channel={open === "new" ? undefined : open} onClose={() => setOpen(undefined)} onSaved={saved} />
      )}
      {secret !== undefined && <Secret secret={secret} onClose={() => setSecret(undefined)} />}
    </>
  );
}

interface RowProps {
  channel: Channel;
  again: () => void;
  edit: () => void;
  onSecret: (secret: string) => void;
}

function Row({ channel, again, edit, onSecret }: RowProps) {
  const [asked, setAsked] = useState<"rotate" | "delete">();
  const { id, version } = channel;
  const params = { path: { id }, header: { "If-Match": tagOf(version) } };
  const enable = (): void => {
    good(api.PATCH("/api/v1/channels/{id}", { params, body: { enabled: !channel.enabled } })).then(again, failed);
  };
  const rotate = (): void => {
    good(api.POST("/api/v1/channels/{id}/rotate-secret", { params: { path: { id } } })).then((answer) => {
      if (answer.secret != null) onSecret(answer.secret);
      again();
    }, failed);
  };
  const remove = (): void => {
    good(api.DELETE("/api/v1/channels/{id}", { params })).then(again, failed);
  };
  return (
    <li class="card monitor">
      <div class="stack monitor-words">
        <div class="row">
          <span class="monitor-name">{channel.name}</span>
          <span class="badge">{t(`monitors.channel_${channel.kind}`)}</span>
          <span class={channel.enabled ? "badge good" : "badge"}>
            {channel.enabled ? t("monitors.enabled") : t("monitors.disabled")}
          </span>
        </div>
        <p>{channel.kind === "webhook" ? channel.url : channel.recipients.join(", ")}</p>
        {channel.secret_changed_at !== null && (
          <p class="quiet">{t("monitors.secret_changed", { time: moment(channel.secret_changed_at) })}</p>
        )}
      </div>
      <div class="row monitor-actions">
        <TestButton id={id} />
        <Button small icon="edit" onClick={edit}>
          {t("common.edit")}
        </Button>
        <Button small icon={channel.enabled ? "pause" : "play"} onClick={enable}>
          {channel.enabled ? t("monitors.disable") : t("monitors.enable")}
        </Button>
        {channel.kind === "webhook" && (
          <Button small icon="key" onClick={() => setAsked("rotate")}>
            {t("monitors.rotate")}
          </Button>
        )}
        <Button small icon="trash" onClick={() => setAsked("delete")}>
          {t("common.delete")}
        </Button>
      </div>
      {asked !== undefined && (
        <Confirm
          title={t(`monitors.channel_${asked}_title`, { name: channel.name })}
          text={t(`monitors.channel_${asked}_hint`)}
          action={asked === "rotate" ? t("monitors.rotate") : t("common.delete")}
          onConfirm={asked === "rotate" ? rotate : remove}
          onClose={() => setAsked(undefined)}
        />
      )}
    </li>
  );
}

function TestButton({ id }: { id: number }) {
  const [busy, setBusy] = useState(false);
  const test = async (): Promise<void> => {
    setBusy(true);
    try {
      const {
        delivered,
        error,
        took_ms: took,
      } = await good(api.POST("/api/v1/channels/{id}/test", { params: { path: { id } } }));
      if (delivered) toast({ kind: "good", text: t("monitors.test_arrived", { time: whole(took) }) });
      else toast({ kind: "danger", text: t("monitors.test_failed", { detail: error ?? "" }), lasts: 15_000 });
    } catch (error) {
      failed(error);
    }
    setBusy(false);
  };
  return (
    <Button small icon="mail" disabled={busy} onClick={test}>
      {t("monitors.test")}
    </Button>
  );
}
