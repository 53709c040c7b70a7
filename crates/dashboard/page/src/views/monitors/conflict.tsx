// Somebody else has changed the monitor meanwhile: both versions, field by field, and whose counts.

import { t } from "../../i18n";
import type { Monitor } from "../../live/stock";
import { Button } from "../../ui/button";
import { Dialog } from "../../ui/dialog";
import { definitionOf, type Definition, type Draft, draftOf, patchOf, same } from "./draft";
import { itemName } from "./names";
import { conditionText, duration, scopeText } from "./sentence";

const FIELDS = [
  "name",
  "scope",
  "measure",
  "condition",
  "hysteresis",
  "severity",
  "message",
  "cooldown_seconds",
  "schedule",
  "channels",
  "notify_existing",
] as const;
type FieldName = (typeof FIELDS)[number];

function label(field: FieldName): string {
  switch (field) {
    case "severity":
      return t("notifications.severity");
    case "cooldown_seconds":
      return t("monitors.cooldown");
    default:
      return t(`monitors.${field}`);
  }
}

function text(field: FieldName, of: Definition): string {
  switch (field) {
    case "scope":
      return scopeText(of.scope, itemName);
    case "measure":
      return t(`monitors.measure_${of.measure}`);
    case "condition":
      return conditionText(of.condition, of.measure);
    case "severity":
      return t(`notifications.severity_${of.severity}`);
    case "cooldown_seconds":
      return duration(of.cooldown_seconds);
    case "schedule": {
      const schedule = of.schedule;
      if (schedule == null) return t("monitors.always");
      return `${schedule.weekdays.join(", ")} ${schedule.from}–${schedule.until} ${schedule.time_zone}`;
    }
    case "channels":
      return (of.channels ?? []).map((id) => `#${id}`).join(", ") || t("common.none");
    case "notify_existing":
      return of.notify_existing ? t("common.yes") : t("common.no");
    case "hysteresis":
      return String(of.hysteresis ?? 0);
    case "message":
      return of.message ?? t("monitors.usual_words");
    case "name":
      return of.name;
  }
}

interface Props {
  base: Monitor;
  draft: Draft;
  theirs: Monitor;
  onMine: () => void;
  onTheirs: () => void;
  onClose: () => void;
}

export function Conflict({ base, draft, theirs, onMine, onTheirs, onClose }: Props) {
  const mine = definitionOf(draft);
  const other = definitionOf(draftOf(theirs, draft.timeZone));
  const patch = patchOf(base, draft);
  const differing = FIELDS.filter((field) => field in patch && !same(mine[field], other[field]));
  return (
    <Dialog
      wide
      title={t("monitors.conflict_title")}
      onClose={onClose}
      actions={
        <>
          <Button onClick={onClose}>{t("common.cancel")}</Button>
          <Button onClick={onTheirs}>{t("monitors.take_theirs")}</Button>
          <Button kind="primary" onClick={onMine}>
            {t("monitors.keep_mine")}
          </Button>
        </>
      }
    >
      <p>{t("monitors.conflict_hint", { name: theirs.name })}</p>
      <div class="table-scroll">
        <table class="plain-table">
          <thead>
            <tr>
              <th scope="col">{t("monitors.field")}</th>
              <th scope="col">{t("monitors.mine")}</th>
              <th scope="col">{t("monitors.theirs")}</th>
            </tr>
          </thead>
          <tbody>
            {differing.map((field) => (
              <tr key={field}>
                <th scope="row">{label(field)}</th>
                <td>{text(field, mine)}</td>
                <td>{text(field, other)}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </Dialog>
  );
}
