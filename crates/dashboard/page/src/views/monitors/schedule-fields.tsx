// When a monitor may tell: always, or on some days within some hours of a time zone.

import { useId } from "preact/hooks";
import { language, t } from "../../i18n";
import { Check, TextField } from "../../ui/field";
import { WEEKDAYS } from "./draft";
import { Group, type Part } from "./form";

/** The name of a day, in the language of the page. The first of January 2024 was a Monday. */
function dayName(place: number): string {
  const date = new Date(Date.UTC(2024, 0, 1 + place));
  return new Intl.DateTimeFormat(language.value, { weekday: "long", timeZone: "UTC" }).format(date);
}

const zones = (): readonly string[] => ["UTC", ...Intl.supportedValuesOf("timeZone")];

export function ScheduleFields({ draft, set, wrong }: Part) {
  const list = useId();
  const days = wrong("schedule/weekdays");
  return (
    <Group title={t("monitors.schedule")}>
      <Check label={t("monitors.scheduled")} checked={draft.scheduled} onCheck={(scheduled) => set({ scheduled })} />
      {draft.scheduled && (
        <>
          <div class="form-wide">
            <div class="row" role="group" aria-label={t("monitors.weekdays")}>
              {WEEKDAYS.map((day, place) => (
                <Check
                  key={day}
                  label={dayName(place)}
                  checked={draft.weekdays.includes(day)}
                  onCheck={(wanted) =>
                    set({
                      weekdays: WEEKDAYS.filter((other) => (other === day ? wanted : draft.weekdays.includes(other))),
                    })
                  }
                />
              ))}
            </div>
            {days !== undefined && (
              <span class="wrong" role="alert">
                {days}
              </span>
            )}
          </div>
          <TextField
            type="time"
            label={t("monitors.from")}
            value={draft.from}
            onText={(from) => set({ from })}
            wrong={wrong("schedule/from")}
          />
          <TextField
            type="time"
            label={t("monitors.until")}
            hint={t("monitors.until_hint")}
            value={draft.until}
            onText={(until) => set({ until })}
            wrong={wrong("schedule/until")}
          />
          <TextField
            label={t("monitors.time_zone")}
            list={list}
            autocomplete="off"
            value={draft.timeZone}
            onText={(timeZone) => set({ timeZone })}
            wrong={wrong("schedule/time_zone")}
          />
          <datalist id={list}>
            {zones().map((zone) => (
              <option key={zone} value={zone} />
            ))}
          </datalist>
        </>
      )}
    </Group>
  );
}
