// Through which channels a monitor tells, besides this page.

import { Link } from "wouter-preact";
import { api, good } from "../../api/client";
import type { components } from "../../api/schema.gen";
import { t } from "../../i18n";
import { Check } from "../../ui/field";
import { allOf, useAsked } from "./asked";
import { Group, type Part } from "./form";
import { troubleText } from "../../ui/trouble";

export type Channel = components["schemas"]["Channel"];

export function readChannels(): Promise<Channel[]> {
  return allOf((query) => good(api.GET("/api/v1/channels", { params: { query } })));
}

export function ChannelFields({ draft, set, wrong }: Part) {
  const { value, problem } = useAsked(readChannels);
  const channels = value ?? [];
  // What a monitor names and nobody knows any more can be taken away, too.
  const gone = value === undefined ? [] : draft.channels.filter((id) => !channels.some((channel) => channel.id === id));
  const choose = (id: number, wanted: boolean): void => {
    set({ channels: wanted ? [...draft.channels, id] : draft.channels.filter((other) => other !== id) });
  };
  const told = wrong("channels") ?? draft.channels.map((_, at) => wrong(`channels/${at}`)).find(Boolean);
  return (
    <Group title={t("monitors.channels")}>
      <div class="form-wide row">
        {channels.map((channel) => (
          <Check
            key={channel.id}
            label={channel.enabled ? channel.name : t("monitors.channel_off", { name: channel.name })}
            checked={draft.channels.includes(channel.id)}
            onCheck={(wanted) => choose(channel.id, wanted)}
          />
        ))}
        {gone.map((id) => (
          <Check key={id} label={`#${id}`} checked onCheck={() => choose(id, false)} />
        ))}
        {value?.length === 0 && <span class="quiet">{t("monitors.no_channels")}</span>}
        <Link href="/monitors/channels">{t("monitors.to_channels")}</Link>
      </div>
      {problem !== undefined && <p class="wrong">{troubleText(problem)}</p>}
      {told !== undefined && (
        <p class="wrong" role="alert">
          {told}
        </p>
      )}
    </Group>
  );
}
