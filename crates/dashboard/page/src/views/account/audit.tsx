// The audit trail, for owners: who did what with accounts, and whom something was refused.

import { useEffect, useState } from "preact/hooks";
import { api, good } from "../../api/client";
import type { components } from "../../api/schema.gen";
import { type Key, t } from "../../i18n";
import { moment } from "../../i18n/format";
import { nameOf } from "../../live/actors";
import { Button } from "../../ui/button";
import { ChoiceField, TextField } from "../../ui/field";
import { describeDevice } from "./device";
import { PagedFoot, usePaged } from "../../ui/paged";

type Entry = components["schemas"]["AuditEntry"];

const EVENTS = [
  "signed_in",
  "sign_in_failed",
  "session_ended",
  "access_refused",
  "password_changed",
  "password_change_refused",
  "password_link_created",
  "user_created",
  "user_deleted",
  "user_disabled",
  "user_enabled",
  "email_changed",
  "role_changed",
  "session_policy_changed",
  "key_created",
  "key_changed",
  "key_revoked",
  "channel_created",
  "channel_changed",
  "channel_deleted",
  "source_created",
  "source_changed",
  "source_deleted",
] as const;

type Event = (typeof EVENTS)[number];

interface Filter {
  readonly event: Event | "";
  readonly actor: string;
  readonly subject: string;
  /** Days as the browser's calendar has them. */
  readonly since: string;
  readonly until: string;
}

const EVERYTHING: Filter = { event: "", actor: "", subject: "", since: "", until: "" };

/** A day that was chosen begins where the reader is; the last one counts whole. */
function query({ event, actor, subject, since, until }: Filter) {
  const start = (day: string, later = 0): string => {
    const at = new Date(`${day}T00:00`);
    // Not every day has 24 hours.
    at.setDate(at.getDate() + later);
    return at.toISOString();
  };
  return {
    ...(event !== "" && { event }),
    ...(actor.trim() !== "" && { actor: actor.trim() }),
    ...(subject.trim() !== "" && { subject: subject.trim() }),
    ...(since !== "" && { since: start(since) }),
    ...(until !== "" && { until: start(until, 1) }),
  };
}

export function Audit() {
  const [filter, setFilter] = useState(EVERYTHING);
  const lines = usePaged(JSON.stringify(filter), (after) =>
    good(api.GET("/api/v1/audit", { params: { query: { ...query(filter), ...(after !== undefined && { after }) } } })),
  );
  const set = (change: Partial<Filter>): void => setFilter({ ...filter, ...change });
  return (
    <section class="stack" aria-labelledby="audit">
      <h2 id="audit">{t("account.part_audit")}</h2>
      <p class="quiet">{t("account.audit_text")}</p>
      <form class="audit-filters" role="search" onSubmit={(event) => event.preventDefault()}>
        <ChoiceField<Event | "">
          label={t("account.audit_event")}
          value={filter.event}
          choices={[
            { value: "", text: t("common.all") },
            ...EVENTS.map((value) => ({ value, text: eventText(value) })),
          ]}
          onChoice={(event) => set({ event })}
        />
        <WhoField label={t("account.audit_actor")} value={filter.actor} onWho={(actor) => set({ actor })} />
        <WhoField label={t("account.audit_subject")} value={filter.subject} onWho={(subject) => set({ subject })} />
        <TextField
          label={t("account.audit_since")}
          type="date"
          value={filter.since}
          onText={(since) => set({ since })}
        />
        <TextField
          label={t("account.audit_until")}
          type="date"
          value={filter.until}
          onText={(until) => set({ until })}
        />
        <div class="row audit-buttons">
          <Button disabled={filter === EVERYTHING} onClick={() => setFilter(EVERYTHING)}>
            {t("account.audit_reset")}
          </Button>
          <Button onClick={lines.reload}>{t("account.audit_reload")}</Button>
        </div>
      </form>
      {lines.rows.length > 0 && <Lines rows={lines.rows} onFilter={set} />}
      <PagedFoot list={lines} empty={t("account.audit_none")} />
    </section>
  );
}

/** Is asked for when the field is left, not with every letter. */
function WhoField({ label, value, onWho }: { label: string; value: string; onWho: (who: string) => void }) {
  const [typed, setTyped] = useState(value);
  useEffect(() => setTyped(value), [value]);
  return (
    <TextField
      label={label}
      value={typed}
      placeholder="user:7"
      maxLength={200}
      onText={setTyped}
      onChange={(event) => onWho(event.currentTarget.value)}
    />
  );
}

function eventText(event: string): string {
  return (EVENTS as readonly string[]).includes(event) ? t(`account.event_${event}` as Key) : event;
}

function Lines({ rows, onFilter }: { rows: readonly Entry[]; onFilter: (change: Partial<Filter>) => void }) {
  return (
    <div class="table-scroll">
      <table class="plain-table audit-lines">
        <thead>
          <tr>
            <th scope="col">{t("account.audit_at")}</th>
            <th scope="col">{t("account.audit_event")}</th>
            <th scope="col">{t("account.audit_actor")}</th>
            <th scope="col">{t("account.audit_subject")}</th>
            <th scope="col">{t("account.audit_address")}</th>
            <th scope="col">{t("account.audit_detail")}</th>
          </tr>
        </thead>
        <tbody>
          {rows.map((entry) => (
            <tr key={entry.id}>
              <td>{moment(entry.at)}</td>
              <td>{eventText(entry.event)}</td>
              <td>
                <Who who={entry.actor} onChoose={(actor) => onFilter({ actor })} />
              </td>
              <td>
                {entry.subject !== null && <Who who={entry.subject} onChoose={(subject) => onFilter({ subject })} />}
              </td>
              <td class="mono">{entry.address}</td>
              <td>
                <Detail entry={entry} />
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

/** A name that, once chosen, is what the list is filtered by. */
function Who({ who, onChoose }: { who: string; onChoose: (who: string) => void }) {
  return (
    <button type="button" class="link-button" title={t("account.audit_only", { who })} onClick={() => onChoose(who)}>
      {nameOf(who)}
    </button>
  );
}

function inWords(name: string, value: unknown): string {
  if (Array.isArray(value)) return value.join(", ");
  if (typeof value !== "string") return JSON.stringify(value);
  if (name === "device") return describeDevice(value) ?? value;
  return name === "user" ? nameOf(value) : value;
}

function Detail({ entry: { detail, reason, request_id: request } }: { entry: Entry }) {
  const facts = Object.entries(detail ?? {}).map(([name, value]): [string, string] => [name, inWords(name, value)]);
  if (reason !== null) facts.push([t("common.reason"), reason]);
  return (
    <span class="audit-detail" title={request ?? undefined}>
      {facts.map(([name, value]) => (
        <span key={name}>
          <span class="quiet">{name}:</span> {value}
        </span>
      ))}
    </span>
  );
}
