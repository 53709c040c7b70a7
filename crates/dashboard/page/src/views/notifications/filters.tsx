// What the history is narrowed down to. It is in the address, so that a narrowed list can be linked to and found again.

import { navigate } from "wouter-preact/use-browser-location";
import { t } from "../../i18n";
import { itemOf, monitors } from "../../live/stock";
import { Button } from "../../ui/button";
import { Check, ChoiceField, TextField } from "../../ui/field";
import { SEVERITIES } from "../monitors/sentence";
import { type Filter, NO_FILTER } from "./arrivals";

/** The filter of an address. */
export function filterOf(search: string): Filter {
  const given = new URLSearchParams(search);
  const id = (name: string): number | undefined => {
    const value = Number(given.get(name));
    return Number.isSafeInteger(value) && value > 0 ? value : undefined;
  };
  const instant = (name: string): string | undefined => {
    const at = Date.parse(given.get(name) ?? "");
    return Number.isNaN(at) ? undefined : new Date(at).toISOString();
  };
  const severities = given.get("severity")?.split(",") ?? [];
  const acknowledged = given.get("acknowledged");
  return {
    item: id("item"),
    monitor: id("monitor"),
    severities: SEVERITIES.filter((severity) => severities.includes(severity)),
    unread: given.get("unread") === "true",
    acknowledged: acknowledged === "true" ? true : acknowledged === "false" ? false : undefined,
    since: instant("since"),
    until: instant("until"),
  };
}

/** The address of a filter. */
export function addressOf(filter: Filter): string {
  const query = new URLSearchParams();
  if (filter.item !== undefined) query.set("item", String(filter.item));
  if (filter.monitor !== undefined) query.set("monitor", String(filter.monitor));
  if (filter.severities.length > 0) query.set("severity", filter.severities.join(","));
  if (filter.unread) query.set("unread", "true");
  if (filter.acknowledged !== undefined) query.set("acknowledged", String(filter.acknowledged));
  if (filter.since !== undefined) query.set("since", filter.since);
  if (filter.until !== undefined) query.set("until", filter.until);
  const text = query.toString();
  return text === "" ? "/notifications" : `/notifications?${text}`;
}

/** An instant as a field for local time wants it, and back. */
function local(at: string | undefined): string {
  if (at === undefined) return "";
  const date = new Date(at);
  return new Date(date.getTime() - date.getTimezoneOffset() * 60_000).toISOString().slice(0, 16);
}

function instantOf(text: string): string | undefined {
  const at = new Date(text);
  return Number.isNaN(at.getTime()) ? undefined : at.toISOString();
}

export function Filters({ filter, onFilter }: { filter: Filter; onFilter: (filter: Filter) => void }) {
  const change = (some: Partial<Filter>): void => {
    const next = { ...filter, ...some };
    onFilter(next);
    navigate(addressOf(next), { replace: true });
  };
  const known = [...monitors.state.value.rows.values()];
  const isThere = filter.monitor === undefined || known.some((monitor) => monitor.id === filter.monitor);
  const choices = [
    { value: "", text: t("common.all") },
    ...known.map((monitor) => ({ value: String(monitor.id), text: monitor.name })),
    ...(isThere ? [] : [{ value: String(filter.monitor), text: `#${filter.monitor}` }]),
  ];
  const item = filter.item === undefined ? undefined : itemOf(filter.item);
  return (
    <div class="card stack">
      <div class="filter-fields">
        <ChoiceField
          label={t("notifications.monitor")}
          value={filter.monitor === undefined ? "" : String(filter.monitor)}
          choices={choices}
          onChoice={(value) => change({ monitor: value === "" ? undefined : Number(value) })}
        />
        <ChoiceField
          label={t("notifications.acknowledged")}
          value={filter.acknowledged === undefined ? "any" : filter.acknowledged ? "yes" : "no"}
          choices={[
            { value: "any", text: t("common.all") },
            { value: "no", text: t("common.no") },
            { value: "yes", text: t("common.yes") },
          ]}
          onChoice={(value) => change({ acknowledged: value === "any" ? undefined : value === "yes" })}
        />
        <TextField
          type="datetime-local"
          label={t("notifications.since")}
          value={local(filter.since)}
          onText={(text) => change({ since: instantOf(text) })}
        />
        <TextField
          type="datetime-local"
          label={t("notifications.until")}
          value={local(filter.until)}
          onText={(text) => change({ until: instantOf(text) })}
        />
      </div>
      <div class="row">
        <Check label={t("notifications.unread")} checked={filter.unread} onCheck={(unread) => change({ unread })} />
        {SEVERITIES.map((severity) => (
          <Check
            key={severity}
            label={t(`notifications.severity_${severity}`)}
            checked={filter.severities.includes(severity)}
            onCheck={(wanted) =>
              change({
                severities: SEVERITIES.filter((other) =>
                  other === severity ? wanted : filter.severities.includes(other),
                ),
              })
            }
          />
        ))}
        {filter.item !== undefined && (
          <Button small icon="close" onClick={() => change({ item: undefined })}>
            {t("notifications.only_item", { name: item?.name ?? `#${filter.item}` })}
          </Button>
        )}
        {addressOf(filter) !== addressOf(NO_FILTER) && (
          <Button kind="plain" small onClick={() => change({ ...NO_FILTER, ...NOTHING })}>
            {t("notifications.no_filter")}
          </Button>
        )}
      </div>
    </div>
  );
}

const NOTHING = { item: undefined, monitor: undefined, acknowledged: undefined, since: undefined, until: undefined };
