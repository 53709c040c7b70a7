// How many changes there are a minute, right now.

const SECONDS = 60;

/** Counts the changes of each of the last 60 seconds. */
export class Pace {
  private readonly counts = new Map<number, number>();

  /** So many changes at a time in milliseconds. */
  add(at: number, changes: number): void {
    const second = Math.floor(at / 1000);
    this.counts.set(second, (this.counts.get(second) ?? 0) + changes);
  }

  /** How many there were within the last minute. */
  perMinute(now: number): number {
    const oldest = Math.floor(now / 1000) - SECONDS;
    let sum = 0;
    for (const [second, count] of this.counts) {
      if (second <= oldest) this.counts.delete(second);
      else sum += count;
    }
    return sum;
  }
}
