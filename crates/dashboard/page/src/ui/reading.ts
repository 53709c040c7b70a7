// Something that is read by request: what came, what went wrong, and reading it again once the connection is back.

import { type Signal, signal } from "@preact/signals";
import { useEffect, useState } from "preact/hooks";
import { type ApiProblem, asProblem } from "../api/client";
import { whenLiveAgain } from "../live/again";

export class Reading<T> {
  readonly value: Signal<T | undefined> = signal(undefined);
  readonly problem: Signal<ApiProblem | undefined> = signal(undefined);
  readonly loading: Signal<boolean> = signal(false);
  private asked = 0;

  constructor(private readonly ask: () => Promise<T>) {}

  /** Reads it, now. Of several at once only the newest counts. */
  readonly read = async (): Promise<void> => {
    this.asked += 1;
    const asked = this.asked;
    this.loading.value = true;
    try {
      const value = await this.ask();
      if (asked !== this.asked) return;
      this.value.value = value;
      this.problem.value = undefined;
    } catch (error) {
      if (asked === this.asked) this.problem.value = asProblem(error);
    } finally {
      if (asked === this.asked) this.loading.value = false;
    }
  };

  /** Reads it, and again whenever everything is live again, until it is called off. */
  start(): () => void {
    const stop = whenLiveAgain(() => this.read());
    void this.read();
    return () => {
      stop();
      this.asked += 1;
    };
  }
}

/** Reads as long as the component is there. */
export function useReading<T>(ask: () => Promise<T>): Reading<T> {
  const [reading] = useState(() => new Reading(ask));
  useEffect(() => reading.start(), [reading]);
  return reading;
}
