// What was read by request isn't kept up by the connection: whoever holds some reads it anew once everything is live again.

import { effect, untracked } from "@preact/signals";
import { connection } from "./stock";

/** Calls `act` whenever the connection is live again after it wasn't, until it is called off. */
export function whenLiveAgain(act: () => void): () => void {
  let lost = false;
  return effect(() => {
    const live = connection.status.value.kind === "live";
    if (live && lost) untracked(act);
    lost = !live;
  });
}
