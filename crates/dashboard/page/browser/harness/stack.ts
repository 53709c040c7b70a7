// A whole Stockwire: the binary with its own Postgres, a notifier and a hub as processes of their own, and the gateway in
// front. One for all tests; each test has a tenant of its own.

import { execFile } from "node:child_process";
import { randomBytes } from "node:crypto";
import { existsSync } from "node:fs";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { promisify } from "node:util";
import postgres from "postgres";
import { Gateway } from "./gateway";
import { environment, freePort, Process } from "./processes";
import { until } from "./waiting";

const root = process.env.STOCKWIRE_ROOT ?? resolve("../../../..");
const target = process.env.CARGO_TARGET_DIR ?? join(root, "target");
const stockwire = process.env.STOCKWIRE_BIN ?? join(target, "debug/stockwire");

/** Where what is left of failures goes, and what was measured. */
export const RESULTS = join(target, "page");
export const ROOT = root;

/** Somebody who may sign in. */
export interface Account {
  readonly tenant: string;
  readonly email: string;
  readonly password: string;
}

export const PASSWORD = "correct horse battery staple";

export class Stack {
  readonly gateway = new Gateway();
  private settings: Record<string, string> = {};
  private folder = "";
  private services: Process[] = [];
  private hub: Process | undefined;
  private tenants = 0;
  sql!: postgres.Sql;

  async start(): Promise<void> {
    for (const binary of ["stockwire", "notifier", "hub"]) {
      if (!existsSync(this.binary(binary))) throw new Error(`${this.binary(binary)} is missing: cargo build builds it`);
    }
    this.folder = await mkdtemp(join(tmpdir(), "stockwire-browser-"));
    await this.gateway.start();
    const [api, feed, hub] = [await freePort(), await freePort(), await freePort()];
    Object.assign(this.gateway, { api, hub });
    this.settings = {
      STOCKWIRE__HTTP__LISTEN: `127.0.0.1:${api}`,
      STOCKWIRE__HTTP__PUBLIC_URL: this.gateway.url,
      STOCKWIRE__INTERNAL__SECRET: randomBytes(24).toString("hex"),
      STOCKWIRE__AUTH__TOKEN_SECRET: randomBytes(24).toString("hex"),
      STOCKWIRE__AUTH__TRIES_PER_ADDRESS: "1000",
      // All tests come from one address, and writers write as fast as they can.
      STOCKWIRE__LIMITS__REQUESTS_PER_SECOND: "0",
      STOCKWIRE__OUTGOING__ALLOWED_NETWORKS: "127.0.0.1/32",
      STOCKWIRE__NOTIFIER__LISTEN: `127.0.0.1:${feed}`,
      STOCKWIRE__NOTIFIER__URL: `ws://127.0.0.1:${feed}`,
      STOCKWIRE__API__URL: `http://127.0.0.1:${api}`,
      STOCKWIRE__HUB__LISTEN: `127.0.0.1:${hub}`,
      STOCKWIRE__DATABASE__POOL_SIZE: "8",
    };
    const main = Process.start(stockwire, [], this.folder, this.settings);
    this.services = [main];
    // Where nothing is installed, a first start fetches Postgres.
    const line = await until(
      "stockwire says where its database is",
      () => {
        if (!main.isRunning) throw new Error(`stockwire has ended: ${main.output}`);
        return /psql -h \S+ -p (\d+) -U (\S+) (\S+)/.exec(main.output) ?? undefined;
      },
      150_000,
    );
    const password = (await readFile(/\$\(cat (.+?)\)/.exec(main.output)?.[1] ?? "", "utf8")).trim();
    const [, port = "", user = "", database = ""] = line;
    const url = `postgres://${user}:${encodeURIComponent(password)}@127.0.0.1:${port}/${database}`;
    this.sql = postgres(url, { max: 4, onnotice: () => {} });
    this.settings.STOCKWIRE__DATABASE__URL = url;
    this.services.push(Process.start(this.binary("notifier"), [], this.folder, this.settings));
    await this.startHub();
  }

  async startHub(): Promise<void> {
    this.hub = Process.start(this.binary("hub"), [], this.folder, this.settings);
    await until("the hub is ready", async () => {
      return (await fetch(`http://127.0.0.1:${this.gateway.hub}/ready`)).ok;
    });
  }

  /** Kills the hub as a crash would. */
  async killHub(): Promise<void> {
    await this.hub?.kill();
  }

  async stop(): Promise<void> {
    await this.gateway.stop();
    await this.sql.end({ timeout: 1 });
    await this.hub?.stop();
    for (const service of this.services.reverse()) await service.stop();
    await rm(this.folder, { recursive: true, force: true });
  }

  /** The one-time link of the owner of a tenant that nobody else uses. */
  async newTenant(): Promise<{ tenant: string; link: string }> {
    this.tenants += 1;
    const tenant = `shop-${this.tenants}`;
    const said = await this.command("owner", "--tenant", tenant, "--email", `owner@${tenant}.example`);
    return { tenant, link: said.split("\n")[0] ?? "" };
  }

  /** A new key of a tenant. */
  async newKey(tenant: string): Promise<string> {
    const said = await this.command(
      "key",
      "--tenant",
      tenant,
      "--name",
      "till",
      "--scopes",
      "read,stock,items,monitors",
    );
    return /sw_\S+/.exec(said)?.[0] ?? "";
  }

  private async command(...args: string[]): Promise<string> {
    const options = { cwd: this.folder, env: environment(this.settings) };
    return (await promisify(execFile)(stockwire, args, options)).stdout.trim();
  }

  /** The owner of a tenant that nobody else uses, with a password. */
  async newOwner(): Promise<Account> {
    const { tenant, link } = await this.newTenant();
    return this.choosePassword(tenant, `owner@${tenant}.example`, link);
  }

  /** Chooses the password of somebody who was sent a link. */
  async choosePassword(tenant: string, email: string, link: string): Promise<Account> {
    const body = JSON.stringify({ link, password: PASSWORD });
    const headers = { "Content-Type": "application/json" };
    const answer = await fetch(`${this.gateway.url}/api/v1/password`, { method: "POST", headers, body });
    if (!answer.ok) throw new Error(`no password for ${email}: ${answer.status} ${await answer.text()}`);
    return { tenant, email, password: PASSWORD };
  }

  /** The number of a tenant. */
  async tenantId(tenant: string): Promise<number> {
    const [row] = await this.sql<{ id: string }[]>`select id from tenants where name = ${tenant}`;
    return Number(row?.id);
  }

  private binary(name: string): string {
    return join(dirname(stockwire), name);
  }
}
