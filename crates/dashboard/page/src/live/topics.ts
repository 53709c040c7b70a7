// The topics that the page follows, each a signal of what is known of it. Frames are collected and applied once for each
// picture that the browser draws, so a burst of changes costs one update of the page.

import { batch, type ReadonlySignal, type Signal, signal } from "@preact/signals";
import type { ChangeFrame, Document, ServerFrame, TopicFrame } from "../protocol/frames";
import { isTopicFrame } from "../protocol/frames";
import { disconnected, emptyTopic, knownUpTo, reduce, type TopicState } from "../protocol/reducer";

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

  /** Applies frames, and says whether the topic must be asked for anew. */
  apply(frames: readonly TopicFrame[]): boolean {
    const before = this.current.peek();
    const { state, applied } = reduce(before, frames as readonly TopicFrame<D>[]);
    this.current.value = state;
    if (applied.length > 0) {
      const live = before.freshness === "live";
      for (const listener of this.listeners) listener(applied, live);
    }
    return state.anew !== undefined && before.anew === undefined;
  }

  knownUpTo(position: number): void {
    this.current.value = knownUpTo(this.current.peek(), position);
  }

  disconnected(): void {
    this.current.value = disconnected(this.current.peek());
  }

  /** Forgets everything: someone else may have signed in. */
  reset(): void {
    this.current.value = emptyTopic<D>();
  }
}

/** What collects the frames of a connection and applies them to topics. */
export class Inbox {
  private frames: ServerFrame[] = [];
  private scheduled = false;

  constructor(
    private readonly topics: readonly Topic<never>[],
    /** Asks for a topic anew. */
    private readonly again: (topic: string) => void,
  ) {}

  take(frame: ServerFrame): void {
    this.frames.push(frame);
    if (this.scheduled) return;
    this.scheduled = true;
    // No pictures are drawn while the page is hidden.
    if (document.visibilityState === "visible") requestAnimationFrame(() => this.flush());
    else setTimeout(() => this.flush(), 100);
  }

  /** Applies what has come so far. */
  flush(): void {
    const frames = this.frames;
    this.frames = [];
    this.scheduled = false;
    const anew: string[] = [];
    batch(() => {
      for (const topic of this.topics) {
        const own = frames.filter((frame): frame is TopicFrame => isTopicFrame(frame) && frame.topic === topic.name);
        if (own.length > 0 && topic.apply(own)) anew.push(topic.name);
      }
      const beats = frames.map((frame) => (frame.type === "heartbeat" || frame.type === "pong" ? frame.position : 0));
      const position = Math.max(0, ...beats);
      if (position > 0) for (const topic of this.topics) topic.knownUpTo(position);
    });
    for (const topic of anew) this.again(topic);
  }
}
