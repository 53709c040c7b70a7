// Which drawn row stands in which place of the document. A row that comes into view takes over the elements of one that left:
// making elements is what scrolling costs most. As long as a row is drawn it keeps its elements, so that no focus, no edit and
// no click ever gets to another row.

/** A row's key for Preact, and where it is among the rows given. */
export interface Slot {
  readonly key: number;
  readonly at: number;
}

export class Slots {
  private taken = new Map<number, number>();
  private made = 0;
  /** Where each slot stands in the document. */
  private places: number[] = [];

  /** Slots for the rows with these ids, in the order of the document: elements that stay where they are cost nothing. */
  assign(ids: readonly number[]): readonly Slot[] {
    const now = new Map<number, number>();
    const free = new Map([...this.taken].map(([id, key]) => [key, id]));
    for (const id of ids) {
      const key = this.taken.get(id);
      if (key === undefined) continue;
      now.set(id, key);
      free.delete(key);
    }
    const unused = [...free.keys()];
    const slots = ids.map((id, at): Slot => {
      let key = now.get(id) ?? unused.pop();
      if (key === undefined) {
        key = this.made;
        this.made += 1;
        this.places[key] = key;
      }
      now.set(id, key);
      return { key, at };
    });
    this.taken = now;
    return slots.sort((one, other) => this.place(one) - this.place(other));
  }

  /** The document's order becomes the one in which the rows are shown, for those who have the page read out. Says if it wasn't. */
  settle(slots: readonly Slot[]): boolean {
    if (slots.every(({ at }, index) => at === index)) return false;
    for (const { key, at } of slots) this.places[key] = at;
    return true;
  }

  private place({ key }: Slot): number {
    return this.places[key] ?? key;
  }
}
