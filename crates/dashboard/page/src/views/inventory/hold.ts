// When rows must stay where they are: while somebody edits, and while a pointer or the keyboard is at work in the rows. Who
// rests for a while gets the true order again, unless they are in the middle of an edit.

export interface Hands {
  /** A cell is being edited, or a dialog is open for a row. */
  readonly editing: boolean;
  /** The pointer or the focus is in the rows. */
  readonly there: boolean;
  /** When something was last moved or typed there, in milliseconds. */
  readonly touchedAt: number;
}

/** Hands that rest for so long hold nothing, in milliseconds. */
export const REST = 15_000;

export function holds({ editing, there, touchedAt }: Hands, now: number): boolean {
  return editing || (there && now - touchedAt < REST);
}
