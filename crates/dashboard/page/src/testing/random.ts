// For tests: numbers that look random and can be repeated, so that what fails once fails again.

export class Random {
  constructor(private state: number) {}

  /** From 0 up to, but not including, 1. */
  next(): number {
    // Mulberry32: small, and good enough for tests.
    this.state = (this.state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(this.state ^ (this.state >>> 15), 1 | this.state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  }

  /** A whole number from `least` to `most`. */
  whole(least: number, most: number): number {
    return least + Math.floor(this.next() * (most - least + 1));
  }

  chance(share: number): boolean {
    return this.next() < share;
  }

  /** A list in pieces of 1 to `most`. */
  cut<T>(list: readonly T[], most: number): T[][] {
    const pieces: T[][] = [];
    for (let from = 0; from < list.length;) {
      const piece = list.slice(from, from + this.whole(1, most));
      pieces.push(piece);
      from += piece.length;
    }
    return pieces;
  }
}
