import { effect } from "@preact/signals";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import type { ServerFrame } from "../protocol/frames";
import { ModelHub, type Thing } from "../testing/hub";
import { Random } from "../testing/random";
import { Connection } from "./connection";
import type { Link, LinkEvents, Wanted } from "./links";
import type { Transport } from "./machine";
import { Topic } from "./topics";

/** A link whose other end is the test. */
class FakeLink implements Link {
  isOpen = true;
  readonly asked: string[] = [];

  constructor(
    readonly transport: Transport,
    readonly wanted: readonly Wanted[],
    private readonly events: LinkEvents,
  ) {}

  again(topic: string): void {
    this.asked.push(topic);
  }

  close(): void {
    this.isOpen = false;
  }

  /** Delivers frames, also behind the close: the connection has to cope. */
  say(...frames: ServerFrame[]): void {
    for (const frame of frames) this.events.frame(frame);
  }

  break(code: number, retryAfterMs?: number): void {
    this.isOpen = false;
    this.events.closed(code, retryAfterMs);
  }
}

const links: FakeLink[] = [];
vi.mock("./links", () => ({
  openLink: (transport: Transport, wanted: readonly Wanted[], events: LinkEvents) => {
    const link = new FakeLink(transport, wanted, events);
    links.push(link);
    return link;
  },
}));

function newest(): FakeLink {
  const link = links.at(-1);
  if (link === undefined) throw new Error("nothing was opened");
  return link;
}

function connected(seconds?: number): ServerFrame {
  const ends = seconds === undefined ? null : new Date(Date.now() + seconds * 1000).toISOString();
  const place = { epoch: "00000000000000000000000000000001", position: 0 };
  const times = { heartbeat_ms: 15_000, token_expires_at: ends, reconnect_jitter_ms: 2000 };
  return { type: "connected", connection_id: "1", ...place, ...times };
}

interface World {
  readonly connection: Connection;
  readonly topic: Topic<Thing>;
  readonly hub: ModelHub;
  readonly news: number[];
  readonly renew: ReturnType<typeof vi.fn<() => Promise<"revoked" | undefined>>>;
  login: { lasts: boolean };
}

let world: World;

function look(state: "hidden" | "visible"): void {
  Object.assign(document, { visibilityState: state });
  document.dispatchEvent(new Event("visibilitychange"));
}

/** Answers a link that was opened as a hub does. */
function serve(link: FakeLink, tokenSeconds?: number): void {
  const [{ after } = { after: undefined }] = link.wanted;
  // What is asked for anew comes as a snapshot.
  link.say(connected(tokenSeconds), ...world.hub.answer(after, after !== undefined && link.asked.length === 0));
}

function write(count = 1): ServerFrame[] {
  const from = world.hub.head;
  for (let round = 0; round < count; round++) world.hub.write();
  return world.hub.behind(from);
}

function kind(): string {
  vi.advanceTimersByTime(20);
  return world.connection.status.value.kind;
}

function holdsAll(): void {
  const { topic, hub } = world;
  const rows = [...topic.state.value.rows.values()].sort((one, other) => one.id - other.id);
  expect(rows).toEqual([...hub.at(hub.head).values()].sort((one, other) => one.id - other.id));
}

beforeEach(() => {
  vi.useFakeTimers();
  vi.stubGlobal("document", Object.assign(new EventTarget(), { visibilityState: "visible" }));
  vi.stubGlobal("navigator", { onLine: true });
  const page = new EventTarget();
  vi.stubGlobal("addEventListener", page.addEventListener.bind(page));
  vi.stubGlobal("requestAnimationFrame", (act: () => void) => setTimeout(act, 16));
  vi.stubGlobal("cancelAnimationFrame", (id: number) => clearTimeout(id));
  links.length = 0;
  const topic = new Topic<Thing>("items");
  const renew = vi.fn<() => Promise<"revoked" | undefined>>(() => Promise.resolve(undefined));
  const login = { lasts: true };
  const connection = new Connection({
    topics: [topic as unknown as Topic<never>],
    renew,
    lasts: () => login.lasts,
    staysWhenHidden: () => false,
  });
  const news: number[] = [];
  topic.listen((changes) => news.push(...changes.map(({ position }) => position)));
  world = { connection, topic, hub: new ModelHub(new Random(3)), news, renew, login };
  for (let round = 0; round < 30; round++) world.hub.write();
  connection.start();
});

afterEach(() => {
  world.connection.end("signed_out");
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

describe("the connection", () => {
  it("is live once everything is here, and says so no sooner", () => {
    expect(kind()).toBe("connecting");
    newest().say(connected());
    expect(kind()).toBe("catching_up");
    expect(world.connection.lastLive.value).toBeUndefined();
    newest().say(...world.hub.answer(undefined, false));
    expect(kind()).toBe("live");
    expect(world.connection.lastLive.value).toBeDefined();
    holdsAll();
  });

  it("tells whoever shows how it is of what is another state, and not of every change", () => {
    serve(newest());
    expect(kind()).toBe("live");
    let drawn = 0;
    const stop = effect(() => {
      drawn += world.connection.status.value.kind === "live" ? 1 : 0;
    });
    for (let round = 0; round < 50; round++) {
      newest().say(...write());
      vi.advanceTimersByTime(20);
    }
    stop();
    expect(drawn).toBe(1);
    holdsAll();
  });

  it("isn't live, and says as of when, as soon as the link breaks", () => {
    serve(newest());
    expect(kind()).toBe("live");
    const since = world.connection.lastLive.value;
    vi.advanceTimersByTime(10_000);
    newest().break(1006);
    expect(kind()).toBe("reconnecting");
    vi.advanceTimersByTime(1000);
    newest().say(connected());
    expect(kind()).toBe("catching_up");
    expect(world.connection.lastLive.value).toBe(since);
    expect(newest().wanted[0]?.after?.position).toBe(world.hub.head);
  });

  it("applies what came in the same moment as the end, and nothing that comes behind it", () => {
    const first = newest();
    serve(first);
    first.say(...write(3));
    first.break(1006);
    holdsAll();
    first.say(...write(2), world.hub.subscribed(true));
    first.break(1006);
    expect(kind()).toBe("reconnecting");
    expect(links).toHaveLength(1);
    vi.advanceTimersByTime(1000);
    serve(newest());
    expect(kind()).toBe("live");
    holdsAll();
  });

  it("asks for what is missing anew, once, and is live when it is here", () => {
    serve(newest());
    vi.advanceTimersByTime(20);
    const changes = write(12);
    newest().say(...changes.slice(1));
    expect(kind()).toBe("catching_up");
    newest().say(...write(3));
    expect(kind()).toBe("catching_up");
    expect(newest().asked).toEqual(["items"]);
    newest().say(...world.hub.answer(undefined, false));
    expect(kind()).toBe("live");
    holdsAll();
  });

  it("takes over by a new connection before the login ends, and neither loses nor doubles a change", async () => {
    const first = newest();
    serve(first, 100);
    await vi.advanceTimersByTimeAsync(55_100);
    expect(world.renew).toHaveBeenCalledTimes(1);
    const second = newest();
    expect(second).not.toBe(first);
    const before = world.news.length;
    const from = world.hub.head;
    // Both say the same for a while, one sooner, then the other.
    for (let round = 0; round < 20; round++) {
      const changes = write(2);
      first.say(...changes);
      if (round === 10) serve(second, 300);
      if (round > 10) second.say(...changes);
      vi.advanceTimersByTime(round % 3 === 0 ? 20 : 0);
      expect(world.connection.status.value.kind).toBe("live");
    }
    expect(first.isOpen).toBe(false);
    second.say(...write(5));
    expect(kind()).toBe("live");
    holdsAll();
    expect(world.news.slice(before)).toEqual(world.hub.behind(from).map(({ position }) => position));
  });

  it("keeps what works when the connection beside it fails, and tries again", async () => {
    serve(newest(), 100);
    await vi.advanceTimersByTimeAsync(55_100);
    newest().break(1006);
    links[0]?.say(...write(3));
    expect(kind()).toBe("live");
    holdsAll();
    await vi.advanceTimersByTimeAsync(60_000);
    expect(links).toHaveLength(3);
    // One that can't resume would blank what is shown: it isn't taken.
    newest().say(connected(), ...world.hub.initial(), world.hub.subscribed(false));
    expect(newest().isOpen).toBe(false);
    expect(kind()).toBe("live");
  });

  it("goes back to the socket from a fallback without a break", () => {
    newest().break(1006);
    vi.advanceTimersByTime(1000);
    newest().break(1006);
    vi.advanceTimersByTime(2000);
    const stream = newest();
    expect(stream.transport).toBe("events");
    serve(stream);
    expect(kind()).toBe("live");
    vi.advanceTimersByTime(6000);
    expect(newest().transport).toBe("socket");
    serve(newest());
    expect(stream.isOpen).toBe(false);
    expect(world.connection.status.value).toMatchObject({ kind: "live", transport: "socket" });
    vi.advanceTimersByTime(200_000);
    expect(links).toHaveLength(4);
  });

  it("renews a login that has ended before it blames the way", async () => {
    serve(newest());
    newest().break(4001);
    expect(world.connection.status.value.kind).toBe("catching_up");
    await vi.advanceTimersByTimeAsync(10);
    expect(world.renew).toHaveBeenCalledTimes(1);
    expect(links).toHaveLength(2);
    // A socket that isn't let in doesn't say why.
    world.login.lasts = false;
    newest().break(1006);
    await vi.advanceTimersByTimeAsync(2000);
    expect(world.renew).toHaveBeenCalledTimes(2);
    expect(newest().transport).toBe("socket");
  });

  it("ends when the login can't be renewed, and tries on when nobody can say", async () => {
    serve(newest());
    world.renew.mockRejectedValueOnce(new Error("away"));
    newest().break(4001);
    await vi.advanceTimersByTimeAsync(10);
    expect(kind()).toBe("reconnecting");
    await vi.advanceTimersByTimeAsync(1000);
    world.renew.mockResolvedValueOnce("revoked");
    newest().break(4001);
    await vi.advanceTimersByTimeAsync(10);
    expect(world.connection.status.value).toEqual({ kind: "ended", reason: "revoked" });
  });

  it("doesn't renew all the time though the clock is wrong", async () => {
    serve(newest(), -3600);
    await vi.advanceTimersByTimeAsync(29_000);
    expect(world.renew).not.toHaveBeenCalled();
    await vi.advanceTimersByTimeAsync(2000);
    expect(world.renew).toHaveBeenCalledTimes(1);
  });

  it("takes an answer about the login for none that is about a later connection", async () => {
    serve(newest());
    let answer: (ended: undefined) => void = () => {};
    world.renew.mockReturnValueOnce(new Promise((resolve) => (answer = resolve)));
    newest().break(4001);
    look("hidden");
    vi.advanceTimersByTime(21_000);
    expect(kind()).toBe("paused");
    look("visible");
    serve(newest());
    expect(kind()).toBe("live");
    answer(undefined);
    await vi.advanceTimersByTimeAsync(1000);
    expect(kind()).toBe("live");
    expect(links).toHaveLength(2);
  });

  it("applies what comes while no picture is drawn", () => {
    vi.stubGlobal("requestAnimationFrame", () => 0);
    serve(newest());
    vi.advanceTimersByTime(300);
    expect(world.connection.status.value.kind).toBe("live");
    holdsAll();
  });

  it("pauses behind a grace when nobody looks, and resumes", () => {
    serve(newest());
    look("hidden");
    vi.advanceTimersByTime(10_000);
    look("visible");
    vi.advanceTimersByTime(30_000);
    expect(kind()).toBe("live");
    look("hidden");
    vi.advanceTimersByTime(20_000);
    expect(kind()).toBe("paused");
    expect(newest().isOpen).toBe(false);
    write(5);
    look("visible");
    serve(newest());
    expect(kind()).toBe("live");
    holdsAll();
  });

  it("leaves no timer behind that would open something", async () => {
    serve(newest(), 100);
    world.connection.end("signed_out");
    const count = links.length;
    await vi.advanceTimersByTimeAsync(600_000);
    expect(links).toHaveLength(count);
    expect(kind()).toBe("ended");
  });

  it("is right in the end, whatever breaks", () => {
    for (let seed = 1; seed <= 60; seed++) {
      const random = new Random(seed);
      for (let round = 0; round < 20; round++) {
        const link = newest();
        if (link.isOpen && random.chance(0.7)) {
          if (world.connection.status.peek().kind !== "live") serve(link);
          link.say(...write(random.whole(0, 5)));
          if (random.chance(0.4)) link.break(random.chance(0.5) ? 1012 : 1006);
        } else {
          // Nobody is told: what comes next shows that something is missing.
          write(1);
        }
        vi.advanceTimersByTime(random.whole(0, 3000));
      }
      vi.advanceTimersByTime(40_000);
      expect(newest().isOpen).toBe(true);
      if (world.connection.status.peek().kind !== "live") serve(newest());
      newest().say(...world.hub.behind(world.topic.state.peek().known?.position ?? 0));
      expect(kind()).toBe("live");
      holdsAll();
    }
  });
});
