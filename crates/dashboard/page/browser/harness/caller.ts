// Somebody who uses the API without a page: a program, or whoever prepares what a test shows.

import type { Account, Stack } from "./stack";

export interface Item {
  readonly id: number;
  readonly sku: string | null;
  readonly name: string;
  readonly quantity: number;
  readonly price: string | null;
  readonly version: number;
}

export class Caller {
  private constructor(
    private readonly stack: Stack,
    private readonly token: string,
  ) {}

  /** Signs in. A page's sign-in ends it later, where a user may be signed in once. */
  static async signIn(stack: Stack, account: Account): Promise<Caller> {
    const { tenant, email, password } = account;
    const made = await new Caller(stack, "").call<{ access_token: string }>("POST", "/sessions", {
      tenant,
      email,
      password,
    });
    return new Caller(stack, made.access_token);
  }

  /** A program of a tenant, which may do all that programs may. */
  static async program(stack: Stack, tenant: string): Promise<Caller> {
    return new Caller(stack, await stack.newKey(tenant));
  }

  /** Asks the API. What isn't good is an error. */
  async call<T>(method: string, path: string, content?: unknown, more: Record<string, string> = {}): Promise<T> {
    const headers: Record<string, string> = { "Content-Type": "application/json", ...more };
    if (this.token !== "") headers.Authorization = `Bearer ${this.token}`;
    const body = content === undefined ? {} : { body: JSON.stringify(content) };
    // Past the gateway: its faults are for browsers.
    const address = `http://127.0.0.1:${this.stack.gateway.api}/api/v1${path}`;
    const answer = await fetch(address, { method, headers, ...body });
    const text = await answer.text();
    if (!answer.ok) throw new Error(`${method} ${path}: ${answer.status} ${text}`);
    return (text === "" ? undefined : JSON.parse(text)) as T;
  }

  async items(): Promise<Item[]> {
    const found: Item[] = [];
    for (let after = ""; ;) {
      const page = await this.call<{ data: Item[]; next_cursor: string | null }>("GET", `/items?limit=200${after}`);
      found.push(...page.data);
      if (page.next_cursor === null) return found;
      after = `&after=${encodeURIComponent(page.next_cursor)}`;
    }
  }

  async addItem(item: Readonly<Record<string, unknown>>): Promise<Item> {
    return this.call("POST", "/items", item);
  }

  /** Adds a user, who still has to choose a password by the link that comes back. */
  async invite(email: string, name: string, role: string): Promise<string> {
    const invited = await this.call<{ invitation: { link?: string } }>("POST", "/users", { email, name, role });
    return invited.invitation.link ?? "";
  }
}
