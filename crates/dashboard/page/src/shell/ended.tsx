// The moment when the login ends: it says why, and leads back in. Nothing behind it can be read or changed any more.

import { computed, type ReadonlySignal, useSignalEffect } from "@preact/signals";
import { forget, load, me } from "../api/session";
import { t } from "../i18n";
import { activity } from "../live/activity";
import { forgetNames } from "../live/actors";
import type { Status } from "../live/connection";
import { connection, items, monitors, notifications, people } from "../live/stock";
import { Button } from "../ui/button";
import { Dialog } from "../ui/dialog";
import { dismissAll } from "../ui/toasts";
import { leaving } from "./leaving";

export function signInAddress(): string {
  return `/sign-in?next=${encodeURIComponent(location.pathname + location.search)}`;
}

/** Whether whoever was here is signed out. */
export const isOver: ReadonlySignal<boolean> = computed(() => {
  const status = connection.status.value;
  return status.kind === "ended" && status.reason !== "broken";
});

/** Somebody else may sit here next. */
function forgetEverything(): void {
  for (const topic of [items, notifications, monitors, people]) topic.reset();
  activity.value = [];
  forgetNames();
  dismissAll();
  forget();
}

/** Back to where one was: at once if another tab has signed in already. */
async function comeBack(): Promise<void> {
  const ended = await load().catch(() => "signed_out" as const);
  if (ended === undefined && me.peek()?.login != null) location.reload();
  else location.assign(signInAddress());
}

function why(status: Extract<Status, { kind: "ended" }>): string {
  const wanted = leaving.value && status.reason === "revoked";
  return t(`connection.${wanted ? "signed_out" : status.reason}`);
}

export function Ended() {
  useSignalEffect(() => {
    if (isOver.value) forgetEverything();
  });
  const status = connection.status.value;
  if (status.kind !== "ended") return null;
  const broken = status.reason === "broken";
  return (
    <Dialog
      final
      title={broken ? t("connection.broken") : t("connection.ended_title")}
      onClose={() => {}}
      onSubmit={() => {
        if (broken) location.reload();
        else void comeBack();
      }}
      actions={
        <Button type="submit" kind="primary">
          {broken ? t("connection.reload") : t("connection.sign_in_again")}
        </Button>
      }
    >
      <p>{why(status)}</p>
    </Dialog>
  );
}
