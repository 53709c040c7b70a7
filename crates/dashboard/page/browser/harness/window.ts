// A window of a browser, as somebody uses it: signed in, watched for what must never happen.

import { type Browser, type BrowserContext, chromium, type Page } from "playwright-core";
import { existsSync } from "node:fs";
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { Account, Stack } from "./stack";
import { RESULTS } from "./stack";
import { until } from "./waiting";

const CANDIDATES = [
  "/usr/bin/chromium",
  "/usr/bin/chromium-browser",
  "/usr/bin/google-chrome",
  "/usr/bin/google-chrome-stable",
];
const SWITCHES = [
  "--no-sandbox",
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
  "--font-render-hinting=none",
];

export function launch(): Promise<Browser> {
  const executablePath = process.env.STOCKWIRE_CHROMIUM ?? CANDIDATES.find((path) => existsSync(path));
  if (executablePath === undefined) throw new Error("no Chromium is installed; STOCKWIRE_CHROMIUM names one");
  return chromium.launch({ executablePath, args: SWITCHES });
}

export interface Looks {
  readonly width?: number;
  readonly height?: number;
  readonly theme?: "light" | "dark";
  readonly language?: string;
}

export class Window {
  /** What the console said, with what must not be there marked. */
  readonly console: string[] = [];
  /** What must never happen, and did. */
  readonly wrongs: string[] = [];
  /** The frames of its sockets, as they came. */
  readonly frames: Record<string, unknown>[] = [];
  /** What it said by its sockets. */
  readonly said: Record<string, unknown>[] = [];
  /** Answers of this status are expected here. */
  readonly expected = new Set<number>();

  private constructor(
    readonly context: BrowserContext,
    readonly page: Page,
    private readonly stack: Stack,
  ) {}

  static async open(browser: Browser, stack: Stack, looks: Looks = {}): Promise<Window> {
    const { width = 1280, height = 800, theme = "light", language = "en" } = looks;
    const context = await browser.newContext({
      baseURL: stack.gateway.url,
      viewport: { width, height },
      colorScheme: theme,
      locale: language,
      timezoneId: "UTC",
      reducedMotion: "reduce",
    });
    context.setDefaultTimeout(20_000);
    const page = await context.newPage();
    const window = new Window(context, page, stack);
    await window.watch();
    return window;
  }

  private async watch(): Promise<void> {
    const { page } = this;
    page.on("console", (message) => {
      const text = `${message.type()}: ${message.text()}`;
      this.console.push(text);
      // That the network failed is what some tests are about, and shown on the page.
      if (message.type() === "error" && !/Failed to load resource|WebSocket connection/.test(text))
        this.wrongs.push(text);
    });
    page.on("pageerror", (error) => this.wrongs.push(`uncaught: ${error.stack ?? error.message}`));
    page.on("request", (request) => {
      const url = request.url();
      if (!/^(data|blob):/.test(url) && new URL(url).host !== new URL(this.stack.gateway.url).host) {
        this.wrongs.push(`asked another host: ${url}`);
      }
    });
    page.on("websocket", (socket) => {
      socket.on("framereceived", ({ payload }) =>
        this.frames.push(JSON.parse(payload.toString()) as Record<string, unknown>),
      );
      socket.on("framesent", ({ payload }) =>
        this.said.push(JSON.parse(payload.toString()) as Record<string, unknown>),
      );
    });
    await page.exposeFunction("tellViolation", (text: string) => this.wrongs.push(`policy violated: ${text}`));
    await page.addInitScript(() => {
      document.addEventListener("securitypolicyviolation", (event) => {
        const tell = (window as unknown as { tellViolation: (text: string) => void }).tellViolation;
        tell(`${event.violatedDirective} ${event.blockedURI} ${event.sourceFile}:${event.lineNumber}`);
      });
    });
  }

  /** Signs in, without the page for that. */
  async signIn({ tenant, email, password }: Account): Promise<void> {
    const answer = await this.context.request.post("/api/v1/sessions", {
      data: { tenant, email, password, cookies: true },
      headers: { Origin: this.stack.gateway.url },
    });
    if (!answer.ok()) throw new Error(`no session: ${answer.status()} ${await answer.text()}`);
  }

  async goTo(path: string): Promise<void> {
    await this.page.goto(path);
    await this.page.locator("main").waitFor();
  }

  /** How the connection is, as the page says. */
  async status(): Promise<string> {
    return (await this.page.locator(".status[data-kind]").getAttribute("data-kind")) ?? "";
  }

  async transport(): Promise<string> {
    return (await this.page.locator(".status[data-kind]").getAttribute("data-transport")) ?? "";
  }

  async untilStatus(kind: string, patience = 30_000): Promise<void> {
    await until(`the page says ${kind}`, async () => (await this.status()) === kind, patience);
  }

  async untilLive(transport = "socket", patience = 30_000): Promise<void> {
    await until(`the page is live by ${transport}`, async () => (await this.transport()) === transport, patience);
  }

  /** Keeps what is left of a failure. */
  async keep(name: string): Promise<void> {
    const folder = join(RESULTS, "failures");
    await mkdir(folder, { recursive: true });
    const file = join(folder, name.replace(/[^a-z0-9]+/gi, "-").slice(0, 100));
    await writeFile(`${file}.txt`, [...this.wrongs, "", ...this.console].join("\n"));
    await this.page.screenshot({ path: `${file}.png` }).catch(() => {});
  }
}
