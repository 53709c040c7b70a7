import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";

type Session = typeof import("./session");

/** The service: who it knows by the cookie that there is, and what it was asked. */
interface Service {
  readonly asked: string[];
  /** What the next requests are answered with instead, by their order. */
  readonly trouble: (Response | "unreachable" | "silent")[];
  access: "good" | "expired";
  refresh: "good" | "revoked";
  login: string | null;
}

let service: Service;
let session: Session;

function json(status: number, body: unknown): Response {
  return new Response(JSON.stringify(body), { status, headers: { "Content-Type": "application/json" } });
}

function answer(method: string, path: string): Response {
  if (method === "POST") {
    if (service.refresh === "revoked") return json(401, { logout_reason: "revoked" });
    service.access = "good";
    return json(200, {});
  }
  if (path !== "/api/v1/me") return json(404, {});
  if (service.access === "expired") return json(401, {});
  const expires_at = service.login === null ? null : new Date(Date.now() + 900_000).toISOString();
  return json(200, { actor: "user:7", login: service.login, permissions: ["read"], csrf_token: "abc", expires_at });
}

beforeEach(async () => {
  vi.useFakeTimers();
  service = { asked: [], trouble: [], access: "good", refresh: "good", login: "session:1" };
  vi.stubGlobal("fetch", async (path: string, { method, signal }: { method: string; signal: AbortSignal }) => {
    service.asked.push(`${method} ${path.replace("/api/v1/", "")}`);
    const trouble = service.trouble.shift();
    if (trouble === "unreachable") throw new TypeError("Failed to fetch");
    if (trouble === "silent") {
      return new Promise((_, refuse) => signal.addEventListener("abort", () => refuse(signal.reason as Error)));
    }
    return trouble ?? answer(method, path);
  });
  vi.stubGlobal("navigator", {});
  // The timers of the platform aren't those of the test.
  vi.spyOn(AbortSignal, "timeout").mockImplementation((ms) => {
    const abort = new AbortController();
    setTimeout(() => abort.abort(new DOMException("timed out", "TimeoutError")), ms);
    return abort.signal;
  });
  vi.resetModules();
  session = await import("./session");
});

afterEach(() => {
  vi.useRealTimers();
  vi.restoreAllMocks();
  vi.unstubAllGlobals();
});

describe("who is here", () => {
  it("is asked once where the cookie is good", async () => {
    expect(await session.load()).toBeUndefined();
    expect(session.me.value?.actor).toBe("user:7");
    expect(session.may("read")).toBe(true);
    expect(service.asked).toEqual(["GET me"]);
  });

  it("is known behind a renewal, which is done once for all who ask", async () => {
    service.access = "expired";
    expect(await Promise.all([session.load(), session.renew(), session.load()])).toEqual([
      undefined,
      undefined,
      undefined,
    ]);
    expect(session.me.value?.actor).toBe("user:7");
    expect(service.asked.filter((asked) => asked === "POST sessions/refresh")).toHaveLength(1);
  });

  it("renews under the lock that all tabs share", async () => {
    const locked: string[] = [];
    vi.stubGlobal("navigator", {
      locks: {
        request: async (name: string, act: () => Promise<unknown>) => {
          locked.push(name);
          return act();
        },
      },
    });
    service.access = "expired";
    await session.load();
    expect(locked).toEqual(["stockwire-login"]);
  });

  it("is nobody once the login has ended, with the reason", async () => {
    service.access = "expired";
    service.refresh = "revoked";
    expect(await session.load()).toBe("revoked");
    expect(session.me.value).toBeNull();
    expect(session.may("read")).toBe(false);
  });

  it("is a visitor only where that is known", async () => {
    expect(session.isVisitor()).toBe(false);
    service.login = null;
    await session.load();
    expect(session.isVisitor()).toBe(true);
    session.forget();
    expect(session.isVisitor()).toBe(false);
  });
});

describe("a service that can't say who is here", () => {
  const troubles: readonly [string, () => Response | "unreachable"][] = [
    ["can't be reached", () => "unreachable"],
    ["answers with 503", () => json(503, {})],
    ["answers with 429", () => json(429, {})],
    ["isn't there, but something before it is", () => json(404, {})],
    ["isn't there, but a page that says so with 200", () => new Response("<html>", { status: 200 })],
  ];
  it.each(troubles)("%s: nobody is signed out, and it is asked again until it can", async (_, trouble) => {
    service.trouble.push(trouble(), trouble(), trouble());
    const failed = vi.fn();
    const found = session.loadPatiently(failed);
    await vi.advanceTimersByTimeAsync(30_000);
    expect(await found).toBeUndefined();
    expect(failed).toHaveBeenCalledTimes(3);
    expect(session.me.value?.actor).toBe("user:7");
  });

  it("signs nobody out when it fails in the midst of a renewal", async () => {
    service.access = "expired";
    service.trouble.push(json(401, {}), json(401, {}), json(403, {}));
    await expect(session.load()).rejects.toThrow("403");
    expect(session.me.value).toBeUndefined();
  });

  it("is given up after a while if it says nothing, so that other tabs can ask", async () => {
    service.trouble.push("silent");
    const renewed = session.renew().catch((error: unknown) => (error as Error).name);
    await vi.advanceTimersByTimeAsync(20_000);
    expect(await renewed).toBe("TimeoutError");
    expect(await session.renew()).toBeUndefined();
  });
});
