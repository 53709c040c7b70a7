// What a client knows of a topic, as a pure function of the snapshot and the frames behind it. Nothing here waits, asks or
// draws: the same frames always make the same state, which is how it is tested against the protocol's golden files.

import type { ChangeFrame, Cursor, Document, InitialFrame, TopicFrame } from "./frames";
import { isChange } from "./frames";
import { SharedMap } from "./shared-map";

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
  /** The versions of what was deleted: an older change that comes later is no news. */
  readonly deleted: ReadonlyMap<number, number>;
  /** The parts of a snapshot that have come; shown only once it is whole. */
  readonly pending: readonly InitialFrame<D>[];
  /** Why the topic must be asked for anew, with a snapshot; nothing as long as it needn't. */
  readonly anew: "gap" | "epoch" | "too_old" | undefined;
}

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
    anew: undefined,
  };
}

/** The connection is gone: what is held stays, and no longer counts as fresh. */
export function disconnected<D extends Document>(state: TopicState<D>): TopicState<D> {
  return {
    ...state,
    freshness: state.freshness === "live" ? "stale" : state.freshness,
    pending: [],
    conflatedUpTo: 0,
  };
}

/** Everything up to this position was sent (a heartbeat said so). */
export function knownUpTo<D extends Document>(state: TopicState<D>, position: number): TopicState<D> {
  if (state.freshness !== "live" || state.known === undefined || position <= state.known.position) return state;
  return { ...state, known: { ...state.known, position } };
}

/** Applies the topic's frames, in the order in which they came. */
export function reduce<D extends Document>(before: TopicState<D>, frames: readonly TopicFrame<D>[]): Reduced<D> {
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

  apply(frame: TopicFrame<D>): void {
    if (isChange(frame)) {
      this.change(frame);
      return;
    }
    switch (frame.type) {
      case "initial":
        this.state = { ...this.state, pending: [...this.state.pending, frame] };
        break;
      case "subscribed":
        this.subscribed({ epoch: frame.epoch, position: frame.position }, frame.recovered);
        break;
      case "conflated":
        this.state = { ...this.state, conflatedUpTo: Math.max(this.state.conflatedUpTo, frame.position) };
        break;
      case "resync":
        this.state = { ...this.state, freshness: this.stale(), pending: [], anew: frame.reason };
        break;
    }
  }

  done(): Reduced<D> {
    const rows = this.rows.size === 0 ? this.state.rows : this.state.rows.with(this.rows);
    const deleted = this.deleted ?? this.state.deleted;
    return { state: { ...this.state, rows, deleted }, applied: this.applied };
  }

  private subscribed(at: Cursor, recovered: boolean): void {
    const parts = this.state.pending;
    if (parts.length > 0) {
      this.replace(parts);
    } else if (!recovered && this.state.freshness !== "empty") {
      // Live from here on, but nobody says what happened before.
      this.state = { ...this.state, freshness: "stale", anew: "gap" };
      return;
    }
    const position =
      this.state.known?.epoch === at.epoch ? Math.max(at.position, this.state.known.position) : at.position;
    this.state = {
      ...this.state,
      freshness: "live",
      known: { epoch: at.epoch, position },
      pending: [],
      anew: undefined,
    };
  }

  /** Puts a whole snapshot in the place of what there was. */
  private replace(parts: readonly InitialFrame<D>[]): void {
    this.rows.clear();
    this.deleted = new Map();
    const documents = parts.flatMap((part) => part.data);
    const rows = SharedMap.empty<D>().with(documents.map((document) => [document.id, document] as const));
    this.state = { ...this.state, rows, known: parts[0]?.as_of, conflatedUpTo: 0 };
  }

  private change(frame: ChangeFrame<D>): void {
    const known = this.state.known;
    if (this.state.anew !== undefined || known === undefined) return;
    if (frame.prev > known.position && frame.prev > this.state.conflatedUpTo) {
      // Something between the two never came.
      this.state = { ...this.state, freshness: this.stale(), anew: "gap" };
      return;
    }
    if (frame.position > known.position) {
      this.state = { ...this.state, known: { epoch: known.epoch, position: frame.position } };
    }
    if (frame.version > this.versionOf(frame.id)) this.put(frame);
  }

  private put(frame: ChangeFrame<D>): void {
    this.applied.push(frame);
    if (frame.type === "delete" || frame.data === null) {
      this.rows.set(frame.id, undefined);
      this.deleted ??= new Map(this.state.deleted);
      this.deleted.set(frame.id, frame.version);
    } else {
      this.rows.set(frame.id, frame.data);
    }
  }

  private versionOf(id: number): number {
    const row = this.rows.has(id) ? this.rows.get(id) : this.state.rows.get(id);
    return Math.max(row?.version ?? 0, (this.deleted ?? this.state.deleted).get(id) ?? 0);
  }

  private stale(): Freshness {
    return this.state.freshness === "empty" ? "empty" : "stale";
  }
}
