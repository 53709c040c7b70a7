// Signing out, here and in this browser's other tabs: they have the same login, and are told that it ends on purpose.

import { type Signal, signal } from "@preact/signals";
import { api, good } from "../api/client";
import { forget } from "../api/session";

type Message = "leaving" | "staying";

/** Whether the end of the login is wanted, in this tab or in another one. */
export const leaving: Signal<boolean> = signal(false);

const tabs = new BroadcastChannel("stockwire-login");
tabs.onmessage = ({ data }: MessageEvent<Message>) => {
  leaving.value = data === "leaving";
};

function say(message: Message): void {
  leaving.value = message === "leaving";
  tabs.postMessage(message);
}

/** Ends the login and goes to the sign-in page. */
export async function signOut(): Promise<void> {
  // The sockets hear of it before the answer is here.
  say("leaving");
  try {
    await good(api.DELETE("/api/v1/sessions/{id}", { params: { path: { id: "current" } } }));
  } catch (error) {
    say("staying");
    throw error;
  }
  forget();
  location.assign("/sign-in");
}
