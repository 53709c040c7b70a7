// What every test stands on: one stack and one browser, windows that are closed behind it, and the look at what must never
// happen in any of them.

import { rm } from "node:fs/promises";
import { join } from "node:path";
import type { Browser } from "playwright-core";
import { afterAll, afterEach, beforeAll, expect } from "vitest";
import { Caller } from "./caller";
import { type Account, RESULTS, Stack } from "./stack";
import { NO_FAULTS } from "./gateway";
import { launch, type Looks, Window } from "./window";

/** A shop with its owner, and a program that changes things there. */
export interface Shop {
  readonly owner: Account;
  readonly program: Caller;
}

export class Bench {
  readonly stack = new Stack();
  private browser: Browser | undefined;
  private windows: Window[] = [];

  async start(): Promise<void> {
    await rm(join(RESULTS, "failures"), { recursive: true, force: true });
    await this.stack.start();
    this.browser = await launch();
  }

  async stop(): Promise<void> {
    await this.browser?.close();
    await this.stack.stop();
  }

  async window(looks: Looks = {}): Promise<Window> {
    if (this.browser === undefined) throw new Error("no browser runs");
    const window = await Window.open(this.browser, this.stack, looks);
    this.windows.push(window);
    return window;
  }

  /** A window of somebody who is signed in, at a view. */
  async windowOf(account: Account, path = "/", looks: Looks = {}): Promise<Window> {
    const window = await this.window(looks);
    await window.signIn(account);
    await window.goTo(path);
    return window;
  }

  async shop(): Promise<Shop> {
    const owner = await this.stack.newOwner();
    return { owner, program: await Caller.program(this.stack, owner.tenant) };
  }

  /** Somebody else of a tenant. */
  async colleague({ owner }: Shop, name: string, role: string): Promise<Account> {
    const email = `${name}@${owner.tenant}.example`;
    const link = await (await Caller.signIn(this.stack, owner)).invite(email, name, role);
    return this.stack.choosePassword(owner.tenant, email, link);
  }

  /** Closes what a test has opened, and looks whether something happened that never may. */
  async clear(test: string, hasFailed: boolean): Promise<void> {
    this.stack.gateway.faults = NO_FAULTS;
    const windows = this.windows;
    this.windows = [];
    const wrongs = windows.flatMap((window) => window.wrongs);
    if (hasFailed || wrongs.length > 0) {
      for (const [place, window] of windows.entries()) await window.keep(`${test} ${place + 1}`);
    }
    for (const { context } of windows) await context.close();
    expect(wrongs).toEqual([]);
  }
}

export const bench = new Bench();

/** Called once by the file that has all tests. */
export function useBench(): void {
  beforeAll(() => bench.start());
  afterAll(() => bench.stop());
  afterEach(({ task }) => bench.clear(task.name, task.result?.state === "fail"));
}
