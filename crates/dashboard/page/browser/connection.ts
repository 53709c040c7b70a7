// The connection, seen from outside: what the page says when hubs die, networks fail and nobody looks.

import { describe, expect, it } from "vitest";
import { bench } from "./harness/bench";
import { until } from "./harness/waiting";
import type { Window } from "./harness/window";

function refuse(...paths: string[]): void {
  bench.stack.gateway.faults = { ...bench.stack.gateway.faults, refuse: new Set(paths) };
}

function staleBar(window: Window) {
  return window.page.locator(".stale-bar");
}

/** What was subscribed to, and from where. */
function subscriptions(window: Window) {
  return window.said.filter(({ type }) => type === "subscribe");
}

/** Follows how the page says that it is, from the moment when this is called. */
async function recordStatus(window: Window): Promise<() => Promise<string[]>> {
  await window.page.evaluate(() => {
    const seen: string[] = [];
    const look = (): void => {
      const pill = document.querySelector<HTMLElement>(".status[data-kind]");
      const text = `${pill?.dataset.kind ?? ""}|${pill?.textContent ?? ""}`;
      if (seen.at(-1) !== text) seen.push(text);
    };
    look();
    new MutationObserver(look).observe(document.body, {
      subtree: true,
      childList: true,
      attributes: true,
      characterData: true,
    });
    Object.assign(globalThis, { seenStatus: seen });
  });
  return () => window.page.evaluate(() => (globalThis as unknown as { seenStatus: string[] }).seenStatus);
}

export function connectionSuite(): void {
  describe("the connection", () => {
    it("is live by a socket, and says so", async () => {
      const { owner } = await bench.shop();
      const window = await bench.windowOf(owner);
      await window.untilLive();
      expect(await window.page.locator(".status").textContent()).toBe("Live");
      expect(await staleBar(window).count()).toBe(0);
    });

    it("counts down while the hub is dead, resumes when it is back, and misses nothing", async () => {
      const { owner, program } = await bench.shop();
      const item = await program.addItem({ name: "Bolt", quantity: 1 });
      const window = await bench.windowOf(owner);
      await window.untilLive();
      const statuses = await recordStatus(window);
      const before = window.frames.length;
      await bench.stack.killHub();
      await window.untilStatus("reconnecting");
      await staleBar(window).waitFor();
      expect(await staleBar(window).textContent()).toContain("Not live: what is shown is as of");
      await program.call("PATCH", `/items/${item.id}`, { quantity: 77 }, { "If-Match": `"${item.version}"` });
      // Long enough away for pauses that can be counted down.
      await until("it counts down", async () => (await statuses()).some((text) => /Reconnecting in \d+ s/.test(text)));
      await bench.stack.startHub();
      await window.untilStatus("live");
      await until("the way is a socket again", async () => (await window.transport()) === "socket");
      expect(await staleBar(window).count()).toBe(0);
      const later = window.frames.slice(before);
      expect(later.filter(({ type }) => type === "initial")).toEqual([]);
      expect(
        subscriptions(window)
          .slice(4)
          .every(({ after }) => after !== undefined),
      ).toBe(true);
      const kinds = (await statuses()).map((text) => text.split("|")[0]);
      expect(kinds[0]).toBe("live");
      expect(kinds.at(-1)).toBe("live");
      expect(kinds).not.toContain("offline");
    });

    it("falls back to a stream, then to polls, stays live by them, and returns to the socket", async () => {
      const { owner } = await bench.shop();
      refuse("/ws");
      const streaming = await bench.windowOf(owner);
      await streaming.untilLive("events");
      expect(await streaming.page.locator(".status").textContent()).toBe("Live (event stream)");
      refuse("/ws", "/events");
      bench.stack.gateway.cut();
      await streaming.untilLive("poll");
      expect(await streaming.page.locator(".status").textContent()).toBe("Live (polling)");
      refuse();
      const statuses = await recordStatus(streaming);
      await streaming.untilLive("socket", 90_000);
      // Nothing of that was to be seen but the label.
      expect((await statuses()).map((text) => text.split("|")[0])).not.toContain("reconnecting");
    });

    it("says offline, and is live again soon after", async () => {
      const { owner } = await bench.shop();
      const window = await bench.windowOf(owner);
      await window.untilLive();
      await window.context.setOffline(true);
      await window.untilStatus("offline");
      await staleBar(window).waitFor();
      await window.context.setOffline(false);
      await window.untilLive();
    });

    it("pauses when nobody looks, and catches up when somebody does", async () => {
      const { owner, program } = await bench.shop();
      const item = await program.addItem({ name: "Bolt", quantity: 1 });
      const window = await bench.window();
      await window.page.clock.install();
      await window.signIn(owner);
      await window.goTo("/");
      await window.untilLive();
      const look = (state: "hidden" | "visible") =>
        window.page.evaluate((state) => {
          Object.defineProperty(document, "visibilityState", { value: state, configurable: true });
          document.dispatchEvent(new Event("visibilitychange"));
        }, state);
      await look("hidden");
      await window.page.clock.fastForward(21_000);
      await window.untilStatus("paused");
      await program.call("PATCH", `/items/${item.id}`, { quantity: 5 }, { "If-Match": `"${item.version}"` });
      const before = window.frames.length;
      await look("visible");
      await window.untilLive();
      const missed = window.frames.slice(before).filter(({ type, topic }) => type === "update" && topic === "items");
      expect(missed).toHaveLength(1);
    });

    it("ends with a reason when the user signs in on another device", async () => {
      const { owner } = await bench.shop();
      const window = await bench.windowOf(owner);
      await window.untilLive();
      const other = await bench.window();
      await other.signIn(owner);
      const dialog = window.page.getByRole("dialog", { name: "Signed out" });
      await dialog.waitFor();
      expect(await dialog.textContent()).toContain("you signed in on another device");
      expect(await window.status()).toBe("ended");
      await dialog.getByRole("button", { name: "Sign in again" }).click();
      await window.page.waitForURL(/\/sign-in\?next=/);
    });
  });
}
