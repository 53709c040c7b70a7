// Live stock: windows that stay in step, whatever the load and the network, and editors who don't overwrite one another.

import { describe, expect, it } from "vitest";
import { bench, type Shop } from "./harness/bench";
import { cell, type Line, lines, table, wanted } from "./harness/table";
import { pause, until } from "./harness/waiting";
import type { Window } from "./harness/window";

const RATE = 220;
const SECONDS = 10;
/** So high that every row of a test exists. */
const TALL = { width: 1280, height: 3200 };

/** Makes so many changes a second, half of them by REST and half in the database. */
async function write({ program, owner }: Shop, rate: number, seconds: number): Promise<number> {
  const { sql } = bench.stack;
  const ids = (await program.items()).map(({ id }) => id);
  const tenant = await bench.stack.tenantId(owner.tenant);
  const started = Date.now();
  const under: Promise<unknown>[] = [];
  let count = 0;
  for (; count < rate * seconds; count++) {
    const id = ids[(count * 7) % ids.length] ?? 0;
    under.push(
      count % 2 === 0
        ? program.call("POST", `/items/${id}/adjustments`, { by: 1 })
        : sql`update items set quantity = quantity + 1 where id = ${id} and tenant_id = ${tenant}`,
    );
    const ahead = started + (count * 1000) / rate - Date.now();
    if (ahead > 0) await pause(ahead);
    if (under.length >= 64) await Promise.all(under.splice(0));
  }
  await Promise.all(under);
  return count;
}

async function fill({ program }: Shop, count: number): Promise<void> {
  for (let number = 1; number <= count; number++) {
    const text = String(number).padStart(3, "0");
    await program.addItem({ name: `Bolt ${text}`, sku: `B-${text}`, quantity: number });
  }
}

async function untilShown(window: Window, expected: readonly Line[]): Promise<void> {
  await until("the window shows what REST says", async () => {
    expect(await lines(window)).toEqual(expected);
    return true;
  });
}

/** Nothing was missing, and nothing had to be asked for twice. */
function sawNoGap(window: Window): void {
  expect(window.frames.filter(({ type }) => type === "resync" || type === "error")).toEqual([]);
  expect(window.said.filter(({ type, topic }) => type === "subscribe" && topic === "items")).toHaveLength(1);
  let known = -1;
  for (const { topic, prev, position } of window.frames) {
    if (topic !== "items" || typeof prev !== "number") continue;
    if (known >= 0) expect(prev).toBe(known);
    known = Number(position);
  }
}

export function stockSuite(): void {
  describe("live stock", () => {
    it("keeps two windows in step under load", async () => {
      const shop = await bench.shop();
      await fill(shop, 60);
      const mara = await bench.colleague(shop, "mara", "manager");
      const windows = [await bench.windowOf(shop.owner, "/", TALL), await bench.windowOf(mara, "/", TALL)];
      for (const window of windows) await window.untilLive();
      const changes = await write(shop, RATE, SECONDS);
      expect(changes).toBeGreaterThanOrEqual(200 * SECONDS);
      const expected = await wanted(shop.program);
      expect(expected).toHaveLength(60);
      for (const window of windows) {
        await untilShown(window, expected);
        await window.untilLive();
        sawNoGap(window);
      }
    });

    it("misses nothing while the hub is killed under load", async () => {
      const shop = await bench.shop();
      await fill(shop, 20);
      const window = await bench.windowOf(shop.owner, "/", TALL);
      await window.untilLive();
      const writing = write(shop, 50, 6);
      await pause(1500);
      await bench.stack.killHub();
      await window.untilStatus("reconnecting");
      await pause(1500);
      await bench.stack.startHub();
      await writing;
      await window.untilStatus("live");
      await untilShown(window, await wanted(shop.program));
    });

    it("stays right on a slow network, and says when it is behind", async () => {
      const shop = await bench.shop();
      await fill(shop, 40);
      bench.stack.gateway.faults = { ...bench.stack.gateway.faults, latency: 250, bytesPerSecond: 40_000 };
      const window = await bench.windowOf(shop.owner, "/", TALL);
      await window.untilStatus("live", 60_000);
      await write(shop, 100, 4);
      await untilShown(window, await wanted(shop.program));
      await window.untilStatus("live");
    });

    it("goes on by a stream and by polls", async () => {
      const shop = await bench.shop();
      await fill(shop, 10);
      bench.stack.gateway.faults = { ...bench.stack.gateway.faults, refuse: new Set(["/ws"]) };
      const window = await bench.windowOf(shop.owner, "/", TALL);
      await window.untilLive("events");
      await write(shop, 50, 1);
      await untilShown(window, await wanted(shop.program));
      bench.stack.gateway.faults = { ...bench.stack.gateway.faults, refuse: new Set(["/ws", "/events"]) };
      bench.stack.gateway.cut();
      await window.untilLive("poll");
      await write(shop, 50, 1);
      await untilShown(window, await wanted(shop.program));
    });

    it("shows two editors their conflict, both values, and overwrites nothing unasked", async () => {
      const shop = await bench.shop();
      const item = await shop.program.addItem({ name: "Bolt", quantity: 1 });
      const mara = await bench.colleague(shop, "mara", "manager");
      const [first, second] = [await bench.windowOf(shop.owner), await bench.windowOf(mara)];
      for (const window of [first, second]) {
        await window.untilLive();
        // Beside the value are the buttons that add and take one.
        await cell(window, item.id, "quantity").locator(".content").dblclick();
        await cell(window, item.id, "quantity")
          .getByRole("textbox")
          .fill(window === first ? "70" : "90");
      }
      await first.page.keyboard.press("Enter");
      const note = cell(second, item.id, "quantity").getByRole("alert");
      await note.waitFor();
      await second.page.keyboard.press("Enter");
      expect(await note.textContent()).toMatch(/changed this meanwhile.*Theirs70.*Yours90/);
      expect((await wanted(shop.program))[0]?.quantity).toBe(70);
      await note.getByRole("button", { name: "Keep mine" }).click();
      for (const window of [first, second]) {
        await until("both show the value that was chosen", async () => (await lines(window))[0]?.quantity === 90);
      }
      expect((await wanted(shop.program))[0]?.quantity).toBe(90);
    });

    it("can be worked with by keyboard alone", async () => {
      const shop = await bench.shop();
      await fill(shop, 3);
      const window = await bench.windowOf(shop.owner);
      await window.untilLive();
      const { keyboard } = window.page;
      await table(window).waitFor();
      await keyboard.press("Tab");
      expect(await window.page.evaluate(() => document.activeElement?.textContent)).toBe("Skip to the content");
      await keyboard.press("Enter");
      // To the search, from there into the rows.
      await until("the search has the focus", async () => {
        await keyboard.press("Tab");
        return window.page.evaluate(() => document.activeElement?.id === "inventory-search");
      });
      await keyboard.type("Bolt 002");
      await until("one row is left", async () => (await lines(window)).length === 1);
      await keyboard.press("ArrowDown");
      await until("the keyboard is in the row", () =>
        window.page.evaluate(() => document.activeElement?.closest("[data-id]") != null),
      );
      await keyboard.press("+");
      await until("one more is there", async () => (await lines(window))[0]?.quantity === 3);
      await until("it is saved", async () => (await wanted(shop.program))[1]?.quantity === 3);
      await keyboard.press("Delete");
      await window.page.getByText("Bolt 002 was deleted.").first().waitFor();
      await window.page.getByRole("button", { name: "Undo" }).focus();
      await keyboard.press("Enter");
      await until("it is back", async () => (await wanted(shop.program)).length === 3);
    });
  });
}
