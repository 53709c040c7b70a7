import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import type { ServerFrame } from "../protocol/frames";
import { type Link, openLink, type Wanted } from "./links";
import type { Transport } from "./machine";

const EPOCH = "00000000000000000000000000000001";
const WANTED: readonly Wanted[] = [
  { topic: "items", after: { epoch: EPOCH, position: 9 } },
  { topic: "monitors", after: { epoch: EPOCH, position: 7 } },
];

/** A request that waits for its answer. */
interface Asked {
  readonly url: URL;
  readonly answer: (response: Response) => void;
  readonly signal: AbortSignal;
}

const asked: Asked[] = [];
const frames: ServerFrame[] = [];
const ends: [number, number | undefined][] = [];
let link: Link;

function open(transport: Transport, wanted = WANTED): void {
  link = openLink(transport, wanted, {
    frame: (frame) => frames.push(frame),
    closed: (code, ms) => ends.push([code, ms]),
  });
}

async function settle(): Promise<void> {
  await vi.advanceTimersByTimeAsync(1);
}

async function request(count: number): Promise<Asked> {
  await settle();
  expect(asked).toHaveLength(count);
  const found = asked.at(-1);
  if (found === undefined) throw new Error("nothing was asked");
  return found;
}

function page(position: number, more: object = {}): Response {
  const as_of = { epoch: EPOCH, position };
  const cursor = `${EPOCH}:${position}`;
  return Response.json({ data: [], recovered: true, has_more: false, next_cursor: cursor, as_of, ...more });
}

beforeEach(() => {
  vi.useFakeTimers();
  asked.length = frames.length = ends.length = 0;
  vi.stubGlobal("fetch", (path: string, { signal }: { signal: AbortSignal }) => {
    return new Promise<Response>((answer, fail) => {
      asked.push({ url: new URL(path, "http://page.example"), answer, signal });
      signal.addEventListener("abort", () => fail(new Error("aborted")));
    });
  });
});

afterEach(() => {
  link.close();
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

describe("polls", () => {
  it("ask at once, then wait behind the cursor, and say where each topic is live from", async () => {
    open("poll");
    const first = await request(1);
    expect(first.url.searchParams.get("after")).toBe(`${EPOCH}:7`);
    expect(first.url.searchParams.get("wait")).toBe("0");
    first.answer(page(12));
    const second = await request(2);
    expect(second.url.searchParams.get("after")).toBe(`${EPOCH}:12`);
    expect(Number(second.url.searchParams.get("wait"))).toBeGreaterThan(10);
    expect(frames.map(({ type }) => type)).toEqual(["connected", "subscribed", "subscribed"]);
    expect(frames.slice(1)).toMatchObject([
      { topic: "items", position: 12, recovered: true },
      { topic: "monitors", position: 12, recovered: true },
    ]);
  });

  it("aren't live as long as there is more", async () => {
    open("poll");
    (await request(1)).answer(page(12, { has_more: true }));
    const second = await request(2);
    expect(frames.map(({ type }) => type)).toEqual(["connected"]);
    expect(second.url.searchParams.get("wait")).toBe("0");
  });

  it("don't wait any longer when a topic must be read anew", async () => {
    open("poll");
    (await request(1)).answer(page(12));
    const waiting = await request(2);
    link.again("items", "missing");
    const anew = await request(3);
    expect(waiting.signal.aborted).toBe(true);
    expect(anew.url.searchParams.has("after")).toBe(false);
    expect(anew.url.searchParams.get("wait")).toBe("0");
    expect(ends).toEqual([]);
  });

  it("say how they end, once, and nothing behind a close", async () => {
    open("poll");
    (await request(1)).answer(new Response("", { status: 503, headers: { "Retry-After": "3" } }));
    await settle();
    expect(ends).toEqual([[503, 3000]]);
    open("poll");
    const second = await request(2);
    link.close();
    second.answer(page(12));
    await settle();
    expect([frames, ends.length]).toEqual([[], 1]);
  });
});

describe("a stream", () => {
  /** A response that the test writes. */
  function stream(): { response: Response; say: (text: string) => Promise<void>; end: () => void } {
    let out: ReadableStreamDefaultController<Uint8Array> | undefined;
    const body = new ReadableStream<Uint8Array>({ start: (controller) => void (out = controller) });
    const say = async (text: string): Promise<void> => {
      out?.enqueue(new TextEncoder().encode(text));
      await vi.advanceTimersByTimeAsync(5);
    };
    return { response: new Response(body), say, end: () => out?.close() };
  }

  const heartbeat = 'data: {"type":"heartbeat","position":9}\n\n';

  it("brings frames, however they are cut", async () => {
    open("events");
    const { response, say } = stream();
    (await request(1)).answer(response);
    await say(heartbeat.slice(0, 20));
    expect(frames).toEqual([]);
    await say(heartbeat.slice(20) + heartbeat);
    expect(frames).toHaveLength(2);
    await say('data: {"type":"weather"}\n\n');
    expect(frames).toHaveLength(2);
  });

  it("ends, once, when nothing comes for too long, when it is over, and when it can't be read", async () => {
    open("events");
    (await request(1)).answer(stream().response);
    await vi.advanceTimersByTimeAsync(10_100);
    expect(ends).toEqual([[4900, undefined]]);
    open("events");
    const over = stream();
    (await request(2)).answer(over.response);
    over.end();
    await settle();
    expect(ends.slice(1)).toEqual([[1006, undefined]]);
    open("events");
    const broken = stream();
    (await request(3)).answer(broken.response);
    await broken.say("data: {\n\n");
    expect(ends.slice(2)).toEqual([[1006, undefined]]);
  });

  it("is begun anew where something is missing, and goes on where the hub reads anew by itself", async () => {
    open("events");
    (await request(1)).answer(stream().response);
    await settle();
    link.again("items", "gap");
    expect(ends).toEqual([]);
    link.again("items", "missing");
    expect(ends).toEqual([[1006, undefined]]);
  });

  it("has no cursor where a topic has none, or one of another log", async () => {
    open("events", [...WANTED, { topic: "presence", after: { epoch: "2".repeat(32), position: 7 } }]);
    expect((await request(1)).url.searchParams.has("after")).toBe(false);
    open("events", [...WANTED, { topic: "presence", after: undefined }]);
    expect((await request(2)).url.searchParams.has("after")).toBe(false);
  });
});
