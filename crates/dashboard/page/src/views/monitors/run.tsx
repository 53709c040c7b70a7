// Whether a monitor watches: shown, and changed, for one and for all.

import { useState } from "preact/hooks";
import { api, good } from "../../api/client";
import type { components } from "../../api/schema.gen";
import { t } from "../../i18n";
import { type Monitor, monitors } from "../../live/stock";
import { Button } from "../../ui/button";
import { Menu } from "../../ui/menu";
import { Icon, type IconName } from "../../ui/icon";
import { toast } from "../../ui/toasts";
import { failed } from "../../ui/trouble";
import { Confirm } from "./confirm";

type State = components["schemas"]["MonitorState"];
type Verb = "start" | "pause" | "stop";

const KINDS: Record<State, string> = { running: "good", paused: "warning", stopped: "" };
const VERBS: readonly { readonly verb: Verb; readonly icon: IconName; readonly from: readonly State[] }[] = [
  { verb: "start", icon: "play", from: ["paused", "stopped"] },
  { verb: "pause", icon: "pause", from: ["running"] },
  { verb: "stop", icon: "stop", from: ["running", "paused"] },
];

export function StateBadge({ state }: { state: State }) {
  return <span class={`badge ${KINDS[state]}`}>{t(`monitors.state_${state}`)}</span>;
}

async function run(id: number, verb: Verb): Promise<void> {
  const params = { params: { path: { id } } };
  if (verb === "start") await good(api.POST("/api/v1/monitors/{id}/start", params));
  else if (verb === "pause") await good(api.POST("/api/v1/monitors/{id}/pause", params));
  else await good(api.POST("/api/v1/monitors/{id}/stop", params));
}

/** What can be done in the monitor's state. */
export function RunButtons({ monitor }: { monitor: Monitor }) {
  return (
    <div class="row monitor-actions">
      {VERBS.filter(({ from }) => from.includes(monitor.state)).map(({ verb, icon }) => (
        <Button
          key={verb}
          small
          icon={icon}
          title={t(`monitors.${verb}_hint`)}
          aria-label={t(`monitors.${verb}_named`, { name: monitor.name })}
          onClick={() => run(monitor.id, verb).catch(failed)}
        >
          {t(`monitors.${verb}`)}
        </Button>
      ))}
    </div>
  );
}

async function runAll(verb: Verb): Promise<number> {
  const path = `/api/v1/monitors/${verb}` as const;
  return (await good(api.POST(path, {}))).changed;
}

/** For all at once; whatever makes monitors forget or fall silent is asked about first. */
export function RunAll() {
  const [asked, setAsked] = useState<Verb>();
  const go = (verb: Verb): void => {
    runAll(verb).then((count) => toast({ kind: "good", text: t("monitors.changed", { count }) }), failed);
  };
  const counts = [...monitors.state.value.rows.values()];
  return (
    <>
      <Menu label={t("monitors.all_monitors")} icon="more">
        {VERBS.filter(({ from }) => counts.some(({ state }) => from.includes(state))).map(({ verb, icon }) => (
          <button
            key={verb}
            type="button"
            class="menu-item"
            onClick={() => (verb === "start" ? go(verb) : setAsked(verb))}
          >
            <Icon name={icon} />
            {t(`monitors.${verb}_all`)}
          </button>
        ))}
      </Menu>
      {asked !== undefined && (
        <Confirm
          title={t(`monitors.${asked}_all`)}
          text={t(`monitors.${asked}_hint`)}
          action={t(`monitors.${asked}_all`)}
          onConfirm={() => go(asked)}
          onClose={() => setAsked(undefined)}
        />
      )}
    </>
  );
}
