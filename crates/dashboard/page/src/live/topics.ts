// The topics that the page follows, each a signal of what is known of it. Frames are collected and applied once for each
// picture that the browser draws, so a burst of changes costs one update of the page.

import { batch, type ReadonlySignal, type Signal, signal } from "@preact/signals";
import type { ChangeFrame, Document, ServerFrame } from "../protocol/frames";
import { isTopicFrame } from "../protocol/frames";
import { type Anew, disconnected, emptyTopic, reduce, type Telling, type TopicState } from "../protocol/reducer";

/** Follows what is applied to a topic, as long as it isn't called off. `live` is false for what was missed and caught up. */
export type Listener<D extends Document> = (changes: readonly ChangeFrame<D>[], live: boolean) => void;

/** One topic. */
export class Topic<D extends Document> {
  private readonly current: Signal<TopicState<D>> = signal(emptyTopic<D>());
  private readonly listeners = new Set<Listener<D>>();

  constructor(readonly name: string) {}

  get state(): ReadonlySignal<TopicState<D>> {
    return this.current;
  }

  listen(listener: Listener<D>): () => void {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }

  /** Applies frames, and says why the topic must be asked for anew, if that is news. */
  apply(frames: readonly Telling<Document>[]): Anew | undefined {
    const before = this.current.peek();
    const { state, applied } = reduce(before, frames as readonly Telling<D>[]);
    this.current.value = state;
    if (applied.length > 0) {
      const live = before.freshness === "live";
      for (const listener of this.listeners) listener(applied, live);
    }
    return before.anew === undefined ? state.anew : undefined;
  }

  disconnected(): void {
    this.current.value = disconnected(this.current.peek());
  }

  /** Forgets everything: someone else may have signed in. */
  reset(): void {
    this.current.value = emptyTopic<D>();
  }
}

/** No picture is drawn while nobody can see it: then what has come is applied after so many milliseconds. */
const LONGEST_WAIT = 250;

/** What collects the frames of a connection and applies them to topics. */
export class Inbox {
  private frames: Telling<Document>[] = [];
  private picture: number | undefined;
  private timer: number | undefined;

  constructor(
    private readonly topics: readonly Topic<never>[],
    /** Asks for a topic anew. */
    private readonly again: (topic: string, why: Anew) => void,
    /** Told after each time that something was applied. */
    private readonly applied: () => void,
  ) {}

  take(frame: ServerFrame): void {
    if (!isTelling(frame)) return;
    this.frames.push(frame);
    this.picture ??= requestAnimationFrame(() => this.flush());
    this.timer ??= setTimeout(() => this.flush(), LONGEST_WAIT) as unknown as number;
  }

  /** Applies what has come so far. */
  flush(): void {
    if (this.picture !== undefined) cancelAnimationFrame(this.picture);
    clearTimeout(this.timer);
    this.picture = this.timer = undefined;
    if (this.frames.length === 0) return;
    const frames = this.frames;
    this.frames = [];
    const anew: (readonly [string, Anew])[] = [];
    batch(() => {
      for (const topic of this.topics) {
        const own = frames.filter((frame) => !("topic" in frame) || frame.topic === topic.name);
        const why = own.length > 0 ? topic.apply(own) : undefined;
        if (why !== undefined) anew.push([topic.name, why]);
      }
      this.applied();
    });
    for (const [topic, why] of anew) this.again(topic, why);
  }
}

function isTelling(frame: ServerFrame): frame is Telling<Document> {
  return isTopicFrame(frame) || frame.type === "heartbeat" || frame.type === "pong";
}
