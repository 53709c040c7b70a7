// The page's one connection to the hub: does what the machine decides, feeds what comes to the topics, and tells how things
// are. A connection that works is only let go when the one that takes its place is live.

import { batch, computed, type ReadonlySignal, type Signal, signal } from "@preact/signals";
import { type ConnectedFrame, isChange, isTopicFrame, type LogoutReason, type ServerFrame } from "../protocol/frames";
import { type Link, openLink } from "./links";
import { type Happening, type Machine, NEW_MACHINE, step, type Transport } from "./machine";
import { Inbox, type Topic } from "./topics";

/** How the connection is, as people are told. */
export type Status =
  | { readonly kind: "live"; readonly transport: Transport }
  | { readonly kind: "connecting" | "catching_up" | "offline" | "paused" }
  | { readonly kind: "reconnecting"; readonly until: number }
  | { readonly kind: "ended"; readonly reason: LogoutReason | "signed_out" | "broken" };

export interface Surroundings {
  readonly topics: readonly Topic<never>[];
  /** Renews the login; says why it has ended, if it has. */
  readonly renew: () => Promise<LogoutReason | "signed_out" | undefined>;
  /** Whether the login still lasts, as far as the clock here can tell. */
  readonly lasts: () => boolean;
  /** Whether to stay connected while nobody looks: somebody wants to be notified. */
  readonly staysWhenHidden: () => boolean;
}

/** Who isn't looking for so long is disconnected, in milliseconds. */
export const HIDDEN_GRACE = 20_000;
/** A better way is tried so long after a fallback was taken, and then so often, in milliseconds. */
const UPGRADE_AFTER = 5_000;
const UPGRADE_EVERY = 60_000;
/** So long a link that is to take over may take until it is live, in milliseconds. */
const TAKE_OVER = 20_000;
/** A token is renewed so many milliseconds before it ends; after a failure, again after so many. */
const RENEW_BEFORE = 45_000;
const RENEW_AGAIN = 5_000;
/** And never sooner than so many milliseconds after it was made: the clock here may be wrong. */
const RENEW_LEAST = 30_000;
/** A snapshot that couldn't be had is asked for again after so many milliseconds. */
const AGAIN_AFTER = 1500;
const UNAUTHENTICATED: ReadonlySet<number> = new Set([401, 4001, 4002]);

export class Connection {
  private readonly machine: Signal<Machine> = signal(NEW_MACHINE);
  private readonly inbox: Inbox;
  private link: Link | undefined;
  private successor: Link | undefined;
  private readonly timers = new Map<string, number>();

  /** When everything was live for the last time, in milliseconds of the clock. */
  readonly lastLive: Signal<number | undefined> = signal(undefined);
  readonly status: ReadonlySignal<Status>;
  /** Follows every change of every topic, so that nobody else need who wants to know how the connection is. */
  private readonly fresh: ReadonlySignal<boolean>;

  constructor(private readonly around: Surroundings) {
    this.inbox = new Inbox(
      around.topics,
      (topic, why) => this.link?.again(topic, why),
      () => {
        if (this.machine.peek().phase.kind === "open" && this.fresh.value) this.lastLive.value = Date.now();
      },
    );
    this.fresh = computed(() => around.topics.every((topic) => topic.state.value.freshness === "live"));
    this.status = computed(() => this.tell(this.machine.value));
  }

  start(): void {
    document.addEventListener("visibilitychange", this.looked);
    addEventListener("online", this.online);
    addEventListener("offline", this.offline);
    this.happen({ type: "started" });
    if (!navigator.onLine) this.offline();
    // Perhaps nobody has looked yet.
    this.looked();
  }

  /** Tries at once what would be tried after a pause. */
  retry(): void {
    this.happen({ type: "retry" });
  }

  /** The login has ended. */
  end(reason: LogoutReason | "signed_out"): void {
    this.happen({ type: "ended", reason });
  }

  private readonly online = (): void => this.happen({ type: "online" });
  private readonly offline = (): void => this.happen({ type: "offline" });

  private readonly looked = (): void => {
    if (document.visibilityState === "visible") {
      this.cancel("hidden");
      this.happen({ type: "shown" });
      if (!navigator.onLine) this.offline();
    } else {
      this.after("hidden", HIDDEN_GRACE, () => {
        if (!this.around.staysWhenHidden()) this.happen({ type: "hidden" });
      });
    }
  };

  private tell({ phase }: Machine): Status {
    switch (phase.kind) {
      case "open":
        return this.fresh.value ? { kind: "live", transport: phase.transport } : { kind: "catching_up" };
      case "waiting":
        return { kind: "reconnecting", until: phase.until };
      case "connecting":
        return this.lastLive.value === undefined ? { kind: "connecting" } : { kind: "reconnecting", until: 0 };
      case "ended":
        return { kind: "ended", reason: phase.reason };
      default:
        return { kind: phase.kind };
    }
  }

  private happen(happening: Happening): void {
    const before = this.machine.peek();
    const now = step(before, happening, Date.now(), Math.random());
    if (now === before) return;
    batch(() => {
      this.machine.value = now;
      if (now.phase === before.phase) return;
      if (now.phase.kind !== "open") this.drop();
      if (now.phase.kind === "connecting") this.connect(now.phase.transport);
      if (now.phase.kind === "waiting") {
        this.after("retry", Math.max(0, now.phase.until - Date.now()), () => this.retry());
      }
    });
  }

  /** Lets go of what there is. What the topics know stays, no longer fresh. */
  private drop(): void {
    this.inbox.flush();
    this.link?.close();
    this.successor?.close();
    this.link = this.successor = undefined;
    for (const name of [...this.timers.keys()]) if (name !== "hidden") this.cancel(name);
    for (const topic of this.around.topics) topic.disconnected();
  }

  private open(
    transport: Transport,
    frame: (frame: ServerFrame) => void,
    closed: (code: number, ms?: number) => void,
  ): Link {
    const wanted = this.around.topics.map((topic) => ({ topic: topic.name, after: topic.state.peek().known }));
    return openLink(transport, wanted, { frame, closed });
  }

  private connect(transport: Transport): void {
    const link = this.open(
      transport,
      (frame) => {
        if (this.link === link) this.take(frame, transport);
      },
      (code, ms) => this.closed(link, code, ms),
    );
    this.link = link;
  }

  private closed(link: Link, code: number, retryAfterMs: number | undefined): void {
    if (this.link !== link) return;
    this.inbox.flush();
    // A socket that isn't let in can't tell why: it may be the login.
    if (!UNAUTHENTICATED.has(code) && this.around.lasts()) {
      this.happen({ type: "closed", code, retryAfterMs });
      return;
    }
    this.giveUpSuccessor();
    for (const topic of this.around.topics) topic.disconnected();
    const finish = (happening: Happening): void => {
      if (this.link === link) this.happen(happening);
    };
    this.around.renew().then(
      (reason) => finish(reason === undefined ? { type: "closed", code, renewed: true } : { type: "ended", reason }),
      () => finish({ type: "closed", code, retryAfterMs }),
    );
  }

  private take(frame: ServerFrame, transport: Transport): void {
    if (frame.type === "connected") {
      this.happen({ type: "opened", jitterMs: frame.reconnect_jitter_ms });
      this.plan(frame, transport);
    } else if (frame.type === "force_logout") {
      this.happen({ type: "ended", reason: frame.reason });
    } else if (frame.type === "error") {
      this.after("again", AGAIN_AFTER, () => this.askStale());
    } else {
      this.inbox.take(frame);
    }
  }

  /** Asks anew for what is not live although the connection is. */
  private askStale(): void {
    for (const topic of this.around.topics) {
      if (topic.state.peek().freshness !== "live") this.link?.again(topic.name, "missing");
    }
  }

  /** Plans what must happen while the connection lasts: a new one before the token ends, or on a better way. */
  private plan(connected: ConnectedFrame, transport: Transport): void {
    const ends = connected.token_expires_at === null ? Number.NaN : Date.parse(connected.token_expires_at);
    if (!Number.isNaN(ends)) this.renewIn(Math.max(ends - Date.now() - RENEW_BEFORE, RENEW_LEAST), transport);
    if (transport !== "socket") this.after("upgrade", UPGRADE_AFTER, () => this.takeOver("socket"));
  }

  /** Renews the login, and with it the connection. */
  private renewIn(ms: number, transport: Transport): void {
    this.after("renew", ms, () => {
      const link = this.link;
      this.around.renew().then(
        (ended) => {
          if (this.link !== link) return;
          if (ended === undefined) this.takeOver(transport);
          else this.end(ended);
        },
        () => {
          if (this.link === link) this.renewIn(RENEW_AGAIN, transport);
        },
      );
    });
  }

  /** Opens another link beside the one that works, and changes over once that is live. */
  private takeOver(transport: Transport): void {
    if (this.machine.peek().phase.kind !== "open" || this.successor !== undefined) return;
    const live = new Set<string>();
    let connected: ConnectedFrame | undefined;
    const giveUp = (): void => {
      this.giveUpSuccessor();
      if (transport === "socket") this.after("upgrade", UPGRADE_EVERY, () => this.takeOver(transport));
    };
    const successor = this.open(
      transport,
      (frame) => {
        if (this.link === successor) {
          this.take(frame, transport);
        } else if (this.successor === successor) {
          if (frame.type === "connected") connected = frame;
          else if (frame.type === "subscribed" && frame.recovered) live.add(frame.topic);
          else if (isTopicFrame(frame) && isChange(frame)) this.inbox.take(frame);
          // Anything else than what was missed would have to take the place of what there is.
          else if (frame.type !== "heartbeat" && frame.type !== "pong") giveUp();
          if (connected !== undefined && live.size === this.around.topics.length) this.changeOver(connected, transport);
        }
      },
      (code, ms) => {
        if (this.successor === successor) giveUp();
        else this.closed(successor, code, ms);
      },
    );
    this.successor = successor;
    this.after("take over", TAKE_OVER, giveUp);
  }

  private giveUpSuccessor(): void {
    this.cancel("take over");
    this.successor?.close();
    this.successor = undefined;
  }

  /** The link that was opened beside is live, with everything that the one before has brought. */
  private changeOver(connected: ConnectedFrame, transport: Transport): void {
    this.cancel("take over");
    this.cancel("upgrade");
    this.link?.close();
    this.link = this.successor;
    this.successor = undefined;
    this.inbox.flush();
    this.happen({ type: "upgraded", transport });
    this.plan(connected, transport);
    // What the one before was asked for never comes now.
    this.askStale();
  }

  private after(name: string, ms: number, act: () => void): void {
    this.cancel(name);
    const run = (): void => {
      this.timers.delete(name);
      act();
    };
    this.timers.set(name, setTimeout(run, ms) as unknown as number);
  }

  private cancel(name: string): void {
    clearTimeout(this.timers.get(name));
    this.timers.delete(name);
  }
}
