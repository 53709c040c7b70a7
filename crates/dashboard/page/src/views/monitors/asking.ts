// When something is asked for: at once, again whenever that is wanted, and every while. One question at a time, and never
// many within a second, however often it is wanted: what makes it worth asking may happen many times a second.

/** The least time from an answer to the next question, in milliseconds. */
const PAUSE = 1000;

export class Asking {
  private isBusy = false;
  /** How often it was wanted. */
  private wanted = 0;
  private isStopped = false;
  private answeredAt = Number.NEGATIVE_INFINITY;
  private timer: ReturnType<typeof setTimeout> | undefined;

  constructor(
    private readonly ask: () => Promise<void>,
    /** So many milliseconds after an answer it is asked for again, also if nobody wants it. */
    private readonly every: number | undefined,
  ) {}

  /** What happened until now is in the next answer. */
  again(): void {
    this.wanted += 1;
    if (!this.isBusy) this.plan(Math.max(0, this.answeredAt + PAUSE - Date.now()));
  }

  stop(): void {
    this.isStopped = true;
    clearTimeout(this.timer);
  }

  private plan(ms: number): void {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => void this.run(), ms);
  }

  private async run(): Promise<void> {
    this.isBusy = true;
    const before = this.wanted;
    await this.ask();
    this.isBusy = false;
    this.answeredAt = Date.now();
    if (this.isStopped) return;
    if (this.wanted > before) this.plan(PAUSE);
    else if (this.every !== undefined) this.plan(this.every);
  }
}
