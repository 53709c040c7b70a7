// For everyone: texts stay texts, assistive software finds its way, languages and themes can be chosen, narrow screens do.

import { readFileSync } from "node:fs";
import { mkdir } from "node:fs/promises";
import { createRequire } from "node:module";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { bench, type Shop } from "./harness/bench";
import { ROOT } from "./harness/stack";
import { until } from "./harness/waiting";
import type { Looks, Window } from "./harness/window";

const axe = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
const MARKUP = `<img src=x onerror="document.title='owned'"><script>document.title='owned'</script>`;

const LOOKS: readonly (readonly [string, Looks])[] = [
  ["light", { theme: "light" }],
  ["dark", { theme: "dark" }],
  ["phone", { theme: "light", width: 390, height: 844 }],
];

interface Finding {
  readonly id: string;
  readonly impact: string;
  readonly help: string;
  readonly nodes: readonly { readonly html: string }[];
}

/** What axe finds that is serious, or worse. */
async function findings(window: Window): Promise<string[]> {
  await window.page.evaluate(axe);
  const violations = await window.page.evaluate(async () => {
    const { axe } = globalThis as unknown as { axe: { run: () => Promise<{ violations: Finding[] }> } };
    return (await axe.run()).violations;
  });
  return violations
    .filter(({ impact }) => impact === "serious" || impact === "critical")
    .map(({ id, help, nodes }) => `${id}: ${help}: ${nodes.map(({ html }) => html.slice(0, 120)).join(" | ")}`);
}

const GOODS = [
  "Hex bolt M8 × 40",
  "Hex nut M8",
  "Washer 8.4",
  "Timber screw 5 × 60",
  "Threaded rod M10",
  "Wall plug 8",
  "Hex bolt M10 × 60",
  "Hex nut M10",
  "Washer 10.5",
  "Timber screw 6 × 80",
  "Threaded rod M12",
  "Wall plug 10",
  "Cable tie 200 mm, black",
  "Duct tape 50 m, silver",
  "Masking tape 30 mm",
  "Acrylic enamel, pure white",
  "Wood glue 750 g",
  "Sanding disc P120",
  "Sanding disc P180",
  "Work gloves, size 9",
];
/** So many of them move. */
const MOVED = 6;

/** A shop with something in every view. */
async function stocked(): Promise<{ shop: Shop; views: readonly (readonly [string, string])[] }> {
  const shop = await bench.shop();
  const { program } = shop;
  const ids: number[] = [];
  for (const [place, name] of GOODS.entries()) {
    const more = place % 2 === 0 ? { reorder_point: 40 } : {};
    const item = { name, sku: `FX-${100 + place}`, quantity: 60 + place * 35, price: `${place + 1}.2500`, ...more };
    ids.push((await program.addItem(item)).id);
  }
  await program.call("POST", "/monitors", {
    name: "Fixings run low",
    scope: { kind: "sku_prefix", prefix: "FX-" },
    measure: "quantity",
    condition: { kind: "below", threshold: 50 },
    message: "{item.name}: {value} left",
  });
  for (const [place, id] of ids.slice(0, MOVED).entries()) {
    for (const by of [-12, 9, -15, 7]) await program.call("POST", `/items/${id}/adjustments`, { by: by - place });
  }
  await until("something was raised", async () => {
    const raised = await program.call<{ data: unknown[] }>("GET", "/notifications?limit=1");
    return raised.data.length > 0;
  });
  const views = [
    ["inventory", "/"],
    ["item", `/items/${ids[0] ?? 0}`],
    ["overview", "/overview"],
    ["monitors", "/monitors"],
    ["monitor", "/monitors/new"],
    ["notifications", "/notifications"],
    ["import", "/import"],
    ["channels", "/monitors/channels"],
    ["sources", "/monitors/sources"],
    ["account", "/account"],
    ["keys", "/account/keys"],
    ["integrate", "/integrate"],
  ] as const;
  return { shop, views };
}

export function everyoneSuite(): void {
  describe("for everyone", () => {
    it.each(LOOKS)("nothing serious is found by axe: %s", async (name, looks) => {
      const { shop, views } = await stocked();
      const window = await bench.windowOf(shop.owner, "/", looks);
      const found: string[] = [];
      for (const [view, path] of views) {
        await window.goTo(path);
        await window.untilLive();
        await window.page.locator("main h1").first().waitFor();
        await window.page.waitForLoadState("networkidle");
        found.push(...(await findings(window)).map((finding) => `${view}: ${finding}`));
        // Whoever has a narrow screen scrolls in one direction.
        const { wide, seen } = await window.page.evaluate(() => {
          const { scrollWidth, clientWidth } = document.documentElement;
          return { wide: scrollWidth, seen: clientWidth };
        });
        if (wide > seen) found.push(`${view}: is ${wide} px wide, and ${seen} px are seen`);
        if (process.env.STOCKWIRE_UPDATE_SCREENSHOTS === "1") await keepPicture(window, `${view}-${name}`);
      }
      expect(found).toEqual([]);
    });

    it("a name full of markup stays text, wherever it stands", async () => {
      const shop = await bench.shop();
      const { program } = shop;
      const item = await program.addItem({ name: MARKUP, sku: "<b>bold</b>", quantity: 9, description: MARKUP });
      await program.call("POST", "/monitors", {
        name: MARKUP,
        scope: { kind: "all" },
        measure: "quantity",
        condition: { kind: "below", threshold: 5 },
        message: `${MARKUP} {item.name}`,
      });
      const window = await bench.windowOf(shop.owner);
      await window.untilLive();
      const reason = { "X-Reason": encodeURIComponent(MARKUP) };
      await program.call("POST", `/items/${item.id}/adjustments`, { by: -8 }, reason);
      await until("it was raised", async () => {
        return (await program.call<{ data: unknown[] }>("GET", "/notifications?limit=1")).data.length > 0;
      });
      for (const path of ["/", `/items/${item.id}`, "/overview", "/monitors", "/notifications"]) {
        await window.goTo(path);
        await window.untilLive();
        await window.page.locator("main").getByText("onerror").filter({ visible: true }).first().waitFor();
        expect(await window.page.locator("main img[src=x], main b, main script").count(), path).toBe(0);
        expect(await window.page.title(), path).not.toContain("owned");
      }
    });

    it("speaks the language that was chosen, and remembers it", async () => {
      const shop = await bench.shop();
      const window = await bench.windowOf(shop.owner);
      await window.untilLive();
      await window.page.getByRole("button", { name: "Settings" }).click();
      await window.page.getByRole("radio", { name: "日本語" }).check();
      await until("the page is Japanese", () => window.page.evaluate(() => document.documentElement.lang === "ja"));
      await window.page.reload();
      await until("it still is", () => window.page.evaluate(() => document.documentElement.lang === "ja"));
      expect(await window.page.locator("main h1").first().textContent()).not.toBe("Inventory");
      const chinese = await bench.windowOf(shop.owner, "/", { language: "zh-CN" });
      await chinese.untilLive();
      expect(await chinese.page.evaluate(() => document.documentElement.lang)).toBe("zh-Hans");
    });

    it("who comes first chooses a password by the link, and is let in", async () => {
      const { link } = await bench.stack.newTenant();
      const window = await bench.window();
      await window.page.goto(link);
      await window.page.getByLabel("New password").fill("correct horse battery staple");
      await window.page.getByLabel("The same once more").fill("correct horse battery staple");
      await window.page.getByRole("button", { name: "Choose and sign in" }).click();
      await window.page
        .getByRole("button", { name: "Sign out" })
        .or(window.page.locator(".status[data-kind]"))
        .waitFor();
      await window.goTo("/");
      await window.untilLive();
    });
  });
}

async function keepPicture(window: Window, name: string): Promise<void> {
  const folder = join(ROOT, "docs/screenshots");
  await mkdir(folder, { recursive: true });
  await window.page.screenshot({ path: join(folder, `${name}.png`), animations: "disabled" });
}
