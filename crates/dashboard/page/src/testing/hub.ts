// For tests: a hub of one topic, as a model that is simple enough to be right. It knows what every reader must know at
// every position, and says it in frames.

import type { ChangeFrame, ConflatedFrame, Cursor, Document, InitialFrame, SubscribedFrame } from "../protocol/frames";
import type { Random } from "./random";

export interface Thing extends Document {
  readonly value: number;
}

export type Rows = ReadonlyMap<number, Thing>;

const IDS = 12;

export class ModelHub {
  readonly epoch = "00000000000000000000000000000001";
  private readonly versions = new Map<number, number>();
  /** What there is at each position. */
  private readonly states: Rows[] = [new Map()];
  readonly changes: ChangeFrame<Thing>[] = [];
  private newest = 0;

  constructor(
    private readonly random: Random,
    readonly topic = "items",
  ) {}

  get head(): number {
    return this.states.length - 1;
  }

  at(position: number): Rows {
    return this.states[position] ?? new Map();
  }

  /** Somebody changes something: this topic, or another one of the same log. */
  write(): void {
    const before = this.at(this.head);
    if (this.random.chance(0.3)) {
      this.states.push(before);
      return;
    }
    const id = this.random.whole(1, IDS);
    const version = (this.versions.get(id) ?? 0) + 1;
    const is = before.has(id);
    const type = !is ? "create" : this.random.chance(0.3) ? "delete" : "update";
    const data = type === "delete" ? null : { id, version, value: this.random.whole(0, 1000) };
    const after = new Map(before);
    if (data === null) after.delete(id);
    else after.set(id, data);
    this.versions.set(id, version);
    this.states.push(after);
    const about = { topic: this.topic, resource: "item", at: "2026-11-22T08:00:00Z", actor: "user:7", reason: null };
    const place = { id, version, position: this.head, prev: this.newest };
    this.changes.push({ type, ...about, ...place, data, previous: null });
    this.newest = this.head;
  }

  /** The state at a position, in parts. */
  initial(position = this.head): InitialFrame<Thing>[] {
    const as_of = { epoch: this.epoch, position };
    const parts = this.random.cut([...this.at(position).values()], 5);
    if (parts.length === 0) parts.push([]);
    return parts.map((data, part) => ({
      type: "initial",
      topic: this.topic,
      as_of,
      data,
      more: part < parts.length - 1,
    }));
  }

  /** The changes behind a position, up to another. */
  behind(position: number, end = this.head): ChangeFrame<Thing>[] {
    return this.changes.filter((change) => change.position > position && change.position <= end);
  }

  /** The same for a reader who was too slow: of each document only the newest change. */
  conflated(position: number): [ConflatedFrame, ...ChangeFrame<Thing>[]] {
    const missed = this.behind(position);
    const newest = missed.filter(
      (change) => !missed.some(({ id, version }) => id === change.id && version > change.version),
    );
    const skipped = missed.length - newest.length;
    return [{ type: "conflated", topic: this.topic, skipped, position: this.head }, ...newest];
  }

  subscribed(recovered: boolean): SubscribedFrame {
    return { type: "subscribed", topic: this.topic, recovered, position: this.head, epoch: this.epoch };
  }

  /** What somebody is told who asks for the topic with a snapshot, and perhaps from a place on. */
  answer(after: Cursor | undefined, resumes: boolean): (InitialFrame<Thing> | ChangeFrame<Thing> | SubscribedFrame)[] {
    if (after !== undefined && resumes) return [...this.behind(after.position), this.subscribed(true)];
    // A snapshot may be some changes old.
    const position = Math.max(0, this.head - this.random.whole(0, 5));
    return [...this.initial(position), ...this.behind(position), this.subscribed(false)];
  }
}
