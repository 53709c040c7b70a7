// Where the movement comes from: the service, and the live changes since. What the live changes don't say, because they were
// left out or came before the page listened, is had by asking again, and not for each of them.

import { effect, type Signal, signal } from "@preact/signals";
import { type ApiProblem, api, asProblem, good } from "../../api/client";
import { whenLiveAgain } from "../../live/again";
import { items } from "../../live/stock";
import { type Moved, movedBy, type Movement } from "./movement";

export const SPANS = ["7", "30", "90"] as const;
export type Span = (typeof SPANS)[number];

/** An answer that is older than the live changes is asked for again after so many milliseconds. */
const AGAIN = 20_000;
/** Where so many live changes wait to be in an answer, it is time for one. */
const MOST = 50_000;

export class MovementSource {
  readonly span: Signal<Span> = signal("30");
  readonly answer: Signal<Movement | undefined> = signal(undefined);
  readonly loading: Signal<boolean> = signal(false);
  readonly problem: Signal<ApiProblem | undefined> = signal(undefined);
  /** The live changes; whoever reads them asks once in a while. */
  moved: Moved[] = [];
  /** Behind this position all changes came live. */
  private from = 0;
  private asked = 0;
  private timer: number | undefined;

  /** Follows the stock, until it is called off. */
  start(): () => void {
    const unlisten = items.listen((changes) => {
      for (const change of changes) this.moved.push(movedBy(change));
      if (this.moved.length > MOST) this.plan();
      // The service doesn't answer: there is a problem, and it is shown.
      if (this.moved.length > 4 * MOST) this.letGo();
    });
    let live = false;
    const stopState = effect(() => {
      const { freshness, known, conflatedUpTo } = items.state.value;
      const position = freshness === "live" && !live ? (known?.position ?? 0) : 0;
      live = freshness === "live";
      if (Math.max(position, conflatedUpTo) > this.from) {
        this.from = Math.max(position, conflatedUpTo);
        this.check();
      }
    });
    const stopAgain = whenLiveAgain(() => this.read());
    void this.read();
    return () => {
      unlisten();
      stopState();
      stopAgain();
      clearTimeout(this.timer);
      this.asked += 1;
    };
  }

  choose(span: Span): void {
    this.span.value = span;
    void this.read();
  }

  readonly read = async (): Promise<void> => {
    clearTimeout(this.timer);
    this.timer = undefined;
    this.asked += 1;
    const ask = this.asked;
    this.loading.value = true;
    try {
      const query = { days: Number(this.span.value), time_zone: zone() };
      const answer = await good(api.GET("/api/v1/statistics/movement", { params: { query } }));
      if (ask !== this.asked) return;
      this.moved = this.moved.filter((one) => one.position > answer.as_of.position);
      this.answer.value = answer;
      this.problem.value = undefined;
      this.check();
    } catch (error) {
      if (ask === this.asked) this.problem.value = asProblem(error);
    } finally {
      if (ask === this.asked) this.loading.value = false;
    }
  };

  /** Plans another request if there is a hole between the answer and the live changes. */
  private check(): void {
    const answer = this.answer.peek();
    if (answer !== undefined && answer.as_of.position < this.from) this.plan();
  }

  private plan(): void {
    this.timer ??= setTimeout(() => this.read(), AGAIN) as unknown as number;
  }

  private letGo(): void {
    this.from = this.moved.at(-1)?.position ?? this.from;
    this.moved = [];
  }
}

export function zone(): string {
  return new Intl.DateTimeFormat().resolvedOptions().timeZone || "UTC";
}
