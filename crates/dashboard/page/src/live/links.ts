// The three ways to the hub: a socket, a stream of events, polls. Each carries the same frames; none knows what they mean.

import { createParser } from "eventsource-parser";
import type { Cursor, ServerFrame } from "../protocol/frames";
import { parseFrame } from "../protocol/frames";
import type { Anew } from "../protocol/reducer";
import type { Transport } from "./machine";

/** A topic, and where to resume it. */
export interface Wanted {
  readonly topic: string;
  readonly after: Cursor | undefined;
}

export interface LinkEvents {
  readonly frame: (frame: ServerFrame) => void;
  /** Called once, also when the link never opened. A refusal has its HTTP status as the code. */
  readonly closed: (code: number, retryAfterMs?: number) => void;
}

/** A connection that is open or opening. */
export interface Link {
  /** Asks for a topic anew, with a snapshot, where that doesn't come by itself. */
  readonly again: (topic: string, why: Anew) => void;
  /** Closes it; `closed` isn't called any more. */
  readonly close: () => void;
}

const SUBPROTOCOL = "stockwire.v1.json";
/** Closed here, because nothing came for too long. */
export const CLOSED_SILENT = 4900;
/** The connection broke. */
export const CLOSED_BROKEN = 1006;
/** Seconds that a poll waits for something to happen. */
const POLL_WAIT = 25;
/** So long may pass until a link is let in, in milliseconds; and until a poll is answered behind its wait. */
const PATIENCE = 10_000;

/** Why a link ended, and when to come back, in milliseconds, if that was said. */
type Ending = readonly [code: number, retryAfterMs?: number | undefined];

export function openLink(transport: Transport, wanted: readonly Wanted[], events: LinkEvents): Link {
  switch (transport) {
    case "socket":
      return openSocket(wanted, events);
    case "events":
      return openEvents(wanted, events);
    case "poll":
      return openPolls(wanted, events);
  }
}

/** Ends a link that has been silent for too long. Every sign of life starts the time anew. */
class Watch {
  private timer = 0;

  constructor(private readonly dead: () => void) {}

  alive(ms: number): void {
    clearTimeout(this.timer);
    this.timer = setTimeout(this.dead, ms) as unknown as number;
  }

  stop(): void {
    clearTimeout(this.timer);
  }
}

function openSocket(wanted: readonly Wanted[], events: LinkEvents): Link {
  const socket = new WebSocket(`${location.origin.replace(/^http/, "ws")}/ws`, SUBPROTOCOL);
  let heartbeat = PATIENCE / 2;
  let open = true;
  const end = (code: number): void => {
    if (!open) return;
    open = false;
    watch.stop();
    socket.close();
    events.closed(code);
  };
  const watch = new Watch(() => end(CLOSED_SILENT));
  const send = (value: unknown): void => {
    if (socket.readyState === WebSocket.OPEN) socket.send(JSON.stringify(value));
  };
  watch.alive(PATIENCE);
  socket.onopen = () => {
    for (const { topic, after } of wanted) send({ type: "subscribe", topic, snapshot: true, ...(after && { after }) });
  };
  socket.onmessage = ({ data }: MessageEvent<string>) => {
    if (!open) return;
    const frame = readable(data);
    if (frame === "unreadable") return end(CLOSED_BROKEN);
    if (frame?.type === "connected") heartbeat = frame.heartbeat_ms;
    watch.alive(2 * heartbeat);
    if (frame !== undefined) events.frame(frame);
  };
  socket.onclose = ({ code }) => end(code);
  return {
    again: (topic) => send({ type: "subscribe", topic, snapshot: true }),
    close: () => {
      open = false;
      watch.stop();
      socket.close();
    },
  };
}

/** A frame that can't be read ends the link: what came with it is lost. */
function readable(data: string): ServerFrame | undefined | "unreadable" {
  try {
    return parseFrame(data);
  } catch {
    return "unreadable";
  }
}

/** Streams and polls have one cursor for all topics: the oldest, since what comes twice is no news. */
function query(wanted: readonly Wanted[]): URLSearchParams {
  const query = new URLSearchParams({ topic: wanted.map(({ topic }) => topic).join(","), snapshot: "true" });
  const cursors = wanted.map(({ after }) => after);
  const [first] = cursors;
  if (first !== undefined && cursors.every((cursor) => cursor?.epoch === first.epoch)) {
    const position = Math.min(...cursors.map((cursor) => cursor?.position ?? 0));
    query.set("after", `${first.epoch}:${position}`);
  }
  return query;
}

function retryAfter(response: Response): number | undefined {
  const seconds = Number(response.headers.get("Retry-After"));
  return seconds > 0 ? seconds * 1000 : undefined;
}

function openEvents(wanted: readonly Wanted[], events: LinkEvents): Link {
  const abort = new AbortController();
  let open = true;
  const stop = (): void => {
    open = false;
    watch.stop();
    abort.abort();
  };
  const end = (...ending: Ending): void => {
    if (!open) return;
    stop();
    events.closed(...ending);
  };
  const watch = new Watch(() => end(CLOSED_SILENT));
  let heartbeat = PATIENCE / 2;
  const parser = createParser({
    onEvent: ({ data }) => {
      if (!open) return;
      const frame = parseFrame(data);
      if (frame?.type === "connected") heartbeat = frame.heartbeat_ms;
      if (frame !== undefined) events.frame(frame);
    },
  });
  const run = async (): Promise<Ending> => {
    watch.alive(PATIENCE);
    const response = await fetch(`/events?${query(wanted)}`, { signal: abort.signal, cache: "no-store" });
    if (!response.ok || response.body === null) return [response.status, retryAfter(response)];
    const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
    while (open) {
      const { done, value } = await reader.read();
      if (done) break;
      watch.alive(2 * heartbeat);
      parser.feed(value);
    }
    return [CLOSED_BROKEN];
  };
  void run()
    .catch((): Ending => [CLOSED_BROKEN])
    .then((ending) => end(...ending));
  return {
    again: (_, why) => {
      // What the hub says itself, it follows up itself. Nobody can tell it what is missing here, but it resumes.
      if (why === "missing") end(CLOSED_BROKEN);
    },
    close: stop,
  };
}

interface PollAnswer {
  readonly data: readonly ServerFrame[];
  readonly recovered: boolean;
  readonly has_more: boolean;
  readonly next_cursor: string;
  readonly as_of: Cursor;
}

function openPolls(wanted: readonly Wanted[], events: LinkEvents): Link {
  let open = true;
  let anew = false;
  let asking = new AbortController();
  const asked = query(wanted);
  // The first answer comes at once: it says whether there is a way at all.
  asked.set("wait", "0");
  const tell = (frame: ServerFrame): void => {
    if (open) events.frame(frame);
  };
  const take = (answer: PollAnswer): void => {
    for (const frame of answer.data) tell(frame);
    // A poll has no frame that says where a topic is live from: its cursor does.
    const { recovered, next_cursor, has_more } = answer;
    const at = readCursor(next_cursor);
    if (!has_more) for (const { topic } of wanted) tell({ type: "subscribed", topic, recovered, ...at });
    asked.set("after", next_cursor);
    asked.set("wait", has_more ? "0" : String(POLL_WAIT));
  };
  /** Asks once. Says how it ended, if it did. */
  const ask = async (first: boolean): Promise<Ending | undefined> => {
    asking = new AbortController();
    const { signal } = asking;
    if (anew) {
      anew = false;
      asked.delete("after");
      asked.set("wait", "0");
    }
    const patience = AbortSignal.timeout(POLL_WAIT * 1000 + PATIENCE);
    try {
      const response = await fetch(`/poll?${asked}`, {
        signal: AbortSignal.any([signal, patience]),
        cache: "no-store",
      });
      if (!response.ok) return [response.status, retryAfter(response)];
      const answer = (await response.json()) as PollAnswer;
      if (signal.aborted) return undefined;
      if (first) tell(connectedBy(answer));
      take(answer);
      return undefined;
    } catch {
      return signal.aborted ? undefined : [CLOSED_BROKEN];
    }
  };
  const run = async (): Promise<void> => {
    let ending = await ask(true);
    while (open && ending === undefined) ending = await ask(false);
    if (open && ending !== undefined) events.closed(...ending);
  };
  void run();
  return {
    again: () => {
      anew = true;
      asking.abort();
    },
    close: () => {
      open = false;
      asking.abort();
    },
  };
}

function readCursor(text: string): Cursor {
  const [epoch = "", position = "0"] = text.split(":");
  return { epoch, position: Number(position) };
}

function connectedBy(answer: PollAnswer): ServerFrame {
  return {
    type: "connected",
    connection_id: "",
    ...answer.as_of,
    heartbeat_ms: (POLL_WAIT * 1000) / 2,
    token_expires_at: null,
    reconnect_jitter_ms: 2000,
  };
}
