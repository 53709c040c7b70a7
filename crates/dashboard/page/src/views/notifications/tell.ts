// Tells of what is new while the page is live: by short messages where somebody looks, else by the browser. What comes in a
// burst is collected, so that nobody is buried in messages.

import { navigate } from "wouter-preact/use-browser-location";
import { t } from "../../i18n";
import { toast } from "../../ui/toasts";
import { type Arrival, type Saying, sayings } from "./arrivals";
import { severalText, startDesktop, tellOutside } from "./desktop";
import { startInbox } from "./inbox";

/** So long what comes is collected, in milliseconds: at first, and while more follows. */
const FIRST = 400;
const THEN = 5000;
const LASTS = 8000;

let waiting: Arrival[] = [];
let timer: number | undefined;
let toldAt = Number.NEGATIVE_INFINITY;

function arrived(found: readonly Arrival[]): void {
  waiting.push(...found);
  if (timer !== undefined) return;
  const pause = Math.max(FIRST, toldAt + THEN - performance.now());
  timer = setTimeout(tell, pause) as unknown as number;
}

function tell(): void {
  const said = sayings(waiting);
  waiting = [];
  timer = undefined;
  toldAt = performance.now();
  if (document.visibilityState === "visible") said.forEach(show);
  else void tellOutside(said);
}

function show(saying: Saying): void {
  if (saying.kind === "one") {
    const { message, severity, item_id: item } = saying.notification;
    const kind = severity === "critical" ? "danger" : severity === "warning" ? "warning" : undefined;
    const action = { label: t("notifications.to_item"), run: () => navigate(`/items/${item}`) };
    toast({
      text: message,
      action,
      lasts: LASTS,
      urgent: severity === "critical",
      ...(kind !== undefined && { kind }),
    });
  } else {
    const action = { label: t("notifications.show"), run: () => navigate("/notifications") };
    const kind = saying.critical > 0 ? "danger" : "warning";
    toast({ text: severalText(saying), action, lasts: LASTS, kind, urgent: saying.critical > 0 });
  }
}

/** Starts it; calling the answer ends it. */
export function startTelling(): () => void {
  const stopInbox = startInbox(arrived);
  const stopDesktop = startDesktop();
  return () => {
    stopInbox();
    stopDesktop();
    clearTimeout(timer);
    timer = undefined;
    waiting = [];
  };
}
