// What a client knows of a topic, as a pure function of the snapshot and the frames behind it. Nothing here waits, asks or
// draws: the same frames always make the same state, which is how it is tested against the protocol's golden files.

import type { ChangeFrame, Cursor, Document, HeartbeatFrame, InitialFrame, TopicFrame } from "./frames";
import { isChange } from "./frames";
import { SharedMap } from "./shared-map";

/** A frame that says something about a topic: its own, and the heartbeats of its connection. */
export type Telling<D extends Document> = TopicFrame<D> | HeartbeatFrame;

/**
 * Why a topic must be asked for anew: the hub said so, and for what reason; or `missing`, because something that should
 * have come never did.
 */
export type Anew = "missing" | "gap" | "epoch" | "too_old";

/**
 * How far what is held can be trusted: `empty` (nothing was ever received), `live` (everything up to `known` is in it),
 * `stale` (it was live once; changes may be missing).
 */
export type Freshness = "empty" | "live" | "stale";

export interface TopicState<D extends Document> {
  readonly freshness: Freshness;
  readonly rows: SharedMap<D>;
  /** The newest position up to which everything on the topic is known: where to resume. */
  readonly known: Cursor | undefined;
  /** Up to here, `conflated` said, changes are left out on purpose. */
  readonly conflatedUpTo: number;
  /** The versions of what was deleted since the snapshot: what is older is no news. */
  readonly deleted: ReadonlyMap<number, number>;
  /** The parts of a snapshot that have come; shown only once it is whole. */
  readonly pending: readonly InitialFrame<D>[];
  /** A whole snapshot has come, and `subscribed` has not yet said that everything behind it has, too. */
  readonly renewed: boolean;
  /** Why the topic must be asked for anew, with a snapshot; nothing as long as it needn't. */
  readonly anew: Anew | undefined;
}

/** Of so many deletions the versions are remembered: what is still on its way is about the newest of them. */
export const MOST_DELETED = 10_000;

/** What a batch of frames did. */
export interface Reduced<D extends Document> {
  readonly state: TopicState<D>;
  /** The changes that were news, in order. */
  readonly applied: readonly ChangeFrame<D>[];
}

export function emptyTopic<D extends Document>(): TopicState<D> {
  return {
    freshness: "empty",
    rows: SharedMap.empty<D>(),
    known: undefined,
    conflatedUpTo: 0,
    deleted: new Map(),
    pending: [],
    renewed: false,
    anew: undefined,
  };
}

/** The connection is gone: what is held stays, and no longer counts as fresh. The next one resumes behind `known`. */
export function disconnected<D extends Document>(state: TopicState<D>): TopicState<D> {
  return {
    ...state,
    freshness: asStale(state.freshness),
    pending: [],
    renewed: false,
    conflatedUpTo: 0,
    anew: undefined,
  };
}

function asStale(freshness: Freshness): Freshness {
  return freshness === "live" ? "stale" : freshness;
}

/** Applies what was told about the topic, in the order in which they came. */
export function reduce<D extends Document>(before: TopicState<D>, frames: readonly Telling<D>[]): Reduced<D> {
  const batch = new Batch(before);
  for (const frame of frames) batch.apply(frame);
  return batch.done();
}

/** The state in the making: rows are collected and put into the map once. */
class Batch<D extends Document> {
  private readonly rows = new Map<number, D | undefined>();
  private readonly applied: ChangeFrame<D>[] = [];
  private deleted: Map<number, number> | undefined;

  constructor(private state: TopicState<D>) {}

  apply(frame: Telling<D>): void {
    if (!("topic" in frame)) {
      this.knownUpTo(frame.position);
    } else if (isChange(frame)) {
      this.change(frame);
    } else {
      switch (frame.type) {
        case "initial":
          this.initial(frame);
          break;
        case "subscribed":
          this.subscribed({ epoch: frame.epoch, position: frame.position }, frame.recovered);
          break;
        case "conflated":
          this.state = { ...this.state, conflatedUpTo: Math.max(this.state.conflatedUpTo, frame.position) };
          break;
        case "resync":
          this.askAnew(frame.reason);
          break;
      }
    }
  }

  done(): Reduced<D> {
    const rows = this.rows.size === 0 ? this.state.rows : this.state.rows.with(this.rows);
    const deleted = this.deleted ?? this.state.deleted;
    if (this.deleted !== undefined) forgetOldest(this.deleted, MOST_DELETED);
    return { state: { ...this.state, rows, deleted }, applied: this.applied };
  }

  /** Everything up to this position was sent, a heartbeat says. Of a topic that isn't live it says nothing. */
  private knownUpTo(position: number): void {
    const { freshness, known } = this.state;
    if (freshness !== "live" || known === undefined || position <= known.position) return;
    this.state = { ...this.state, known: { epoch: known.epoch, position } };
  }

  private initial(frame: InitialFrame<D>): void {
    // Parts of another snapshot are of one that was given up.
    const [first] = this.state.pending;
    const goesOn = first?.as_of.epoch === frame.as_of.epoch && first.as_of.position === frame.as_of.position;
    const pending = goesOn ? [...this.state.pending, frame] : [frame];
    this.state = { ...this.state, pending };
    if (!frame.more) this.replace(pending, frame.as_of);
  }

  /** Puts a whole snapshot in the place of what there was. What has changed since is still to come. */
  private replace(parts: readonly InitialFrame<D>[], known: Cursor): void {
    this.rows.clear();
    this.deleted = new Map();
    const documents = parts.flatMap((part) => part.data);
    const rows = SharedMap.empty<D>().with(documents.map((document) => [document.id, document] as const));
    this.state = { ...this.state, rows, known, conflatedUpTo: 0, pending: [], renewed: true, anew: undefined };
  }

  private subscribed(at: Cursor, recovered: boolean): void {
    if (this.state.anew !== undefined) return;
    if (!recovered && !this.state.renewed) {
      // Live from here on, but nobody says what was before.
      this.askAnew("missing");
      return;
    }
    const before = this.state.known;
    const position = before?.epoch === at.epoch ? Math.max(at.position, before.position) : at.position;
    const known = { epoch: at.epoch, position };
    this.state = { ...this.state, freshness: "live", known, renewed: false };
  }

  private change(frame: ChangeFrame<D>): void {
    const known = this.state.known;
    if (this.state.anew !== undefined || known === undefined) return;
    if (frame.prev > known.position && frame.prev > this.state.conflatedUpTo) {
      this.askAnew("missing");
      return;
    }
    // What lies up to there is known: it comes twice, from another connection.
    if (frame.position <= known.position) return;
    this.state = { ...this.state, known: { epoch: known.epoch, position: frame.position } };
    // A snapshot may already have what is behind the place that it names.
    if (frame.version <= this.versionOf(frame.id)) return;
    this.applied.push(frame);
    if (frame.type === "delete" || frame.data === null) {
      this.rows.set(frame.id, undefined);
      this.deleted ??= new Map(this.state.deleted);
      // The newest stand last.
      this.deleted.delete(frame.id);
      this.deleted.set(frame.id, frame.version);
    } else {
      this.rows.set(frame.id, frame.data);
    }
  }

  private versionOf(id: number): number {
    const row = this.rows.has(id) ? this.rows.get(id) : this.state.rows.get(id);
    return Math.max(row?.version ?? 0, (this.deleted ?? this.state.deleted).get(id) ?? 0);
  }

  private askAnew(anew: Anew): void {
    this.state = { ...this.state, freshness: asStale(this.state.freshness), pending: [], renewed: false, anew };
  }
}

function forgetOldest(map: Map<number, number>, most: number): void {
  for (const id of map.keys()) {
    if (map.size <= most) return;
    map.delete(id);
  }
}
