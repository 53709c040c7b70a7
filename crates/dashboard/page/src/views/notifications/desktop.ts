// Notifications of the browser itself, for whoever asked for them, while nobody looks at the page. Of several windows one
// tells: none, if one of them is looked at.

import { type Signal, signal } from "@preact/signals";
import { navigate } from "wouter-preact/use-browser-location";
import { t } from "../../i18n";
import { stayConnectedIf } from "../../live/stock";
import { recall, remember } from "../../ui/stored";
import type { Saying } from "./arrivals";

const STORED = "stockwire.desktop_notifications";
/** So long another window may take to say that it is looked at, in milliseconds. */
const ANSWER_WITHIN = 150;

/** Why there are none, or that there are. */
export type Desktop = "on" | "off" | "denied" | "unsupported";

export const desktop: Signal<Desktop> = signal("off");

const supported = (): boolean => "Notification" in window && isSecureContext;

/** Looks at what this browser allows now, and what was chosen here. */
export function readDesktop(): void {
  if (!supported()) desktop.value = "unsupported";
  else if (Notification.permission === "denied") desktop.value = "denied";
  else {
    const chosen = recall(STORED) === "on" && Notification.permission === "granted";
    desktop.value = chosen ? "on" : "off";
  }
}

/** Asks for permission, if that is needed, and remembers the choice. */
export async function chooseDesktop(wanted: boolean): Promise<void> {
  if (wanted && supported()) await Notification.requestPermission();
  remember(STORED, wanted ? "on" : "off");
  readDesktop();
}

let windows: BroadcastChannel | undefined;

/** Answers the other windows of this browser, and keeps a hidden page connected if it shall tell. Calling the answer ends it. */
export function startDesktop(): () => void {
  readDesktop();
  const unstay = stayConnectedIf(() => desktop.peek() === "on");
  windows = new BroadcastChannel("stockwire-windows");
  const own = windows;
  own.addEventListener("message", (event: MessageEvent<unknown>) => {
    if (event.data === "who looks?" && document.visibilityState === "visible") own.postMessage("me");
  });
  const stored = (event: StorageEvent): void => {
    if (event.key === STORED) readDesktop();
  };
  addEventListener("storage", stored);
  return () => {
    unstay();
    removeEventListener("storage", stored);
    own.close();
    windows = undefined;
  };
}

async function anotherIsLookedAt(): Promise<boolean> {
  const asked = windows;
  if (asked === undefined) return false;
  return new Promise((resolve) => {
    const answered = (event: MessageEvent<unknown>): void => {
      if (event.data === "me") done(true);
    };
    const timer = setTimeout(() => done(false), ANSWER_WITHIN);
    const done = (looked: boolean): void => {
      clearTimeout(timer);
      asked.removeEventListener("message", answered);
      resolve(looked);
    };
    asked.addEventListener("message", answered);
    asked.postMessage("who looks?");
  });
}

/** Tells outside of the page. The same notification from another window takes the place of this one. */
export async function tellOutside(sayings: readonly Saying[]): Promise<void> {
  if (desktop.peek() !== "on" || (await anotherIsLookedAt())) return;
  for (const saying of sayings) {
    const one = saying.kind === "one" ? saying.notification : undefined;
    const title = one?.monitor_name ?? t("notifications.title");
    const body = saying.kind === "one" ? saying.notification.message : severalText(saying);
    const tag = one === undefined ? "stockwire-several" : `stockwire-${one.id}`;
    const shown = new Notification(title, { body, tag, icon: "/icon.svg" });
    shown.onclick = () => {
      window.focus();
      navigate(one === undefined ? "/notifications" : `/items/${one.item_id}`);
      shown.close();
    };
  }
}

/** How many there are, in words. */
export function severalText({ count, critical }: { readonly count: number; readonly critical: number }): string {
  const all = t("notifications.several", { count });
  return critical === 0 ? all : `${all} ${t("notifications.several_critical", { count: critical })}`;
}
