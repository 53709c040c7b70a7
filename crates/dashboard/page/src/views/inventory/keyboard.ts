// What a key means in the table, and where it leads. Pure.

export type Action =
  | { readonly kind: "move"; readonly rows: number; readonly columns: number; readonly selects: boolean }
  | { readonly kind: "row_start" | "row_end" | "first" | "last" }
  | { readonly kind: "page"; readonly pages: 1 | -1 }
  | { readonly kind: "enter" | "edit_all" | "open" | "select" | "select_all" | "clear" | "adjust" }
  | { readonly kind: "delete"; readonly asks: boolean }
  | { readonly kind: "step"; readonly by: 1 | -1 }
  | { readonly kind: "type"; readonly text: string };

export interface Key {
  readonly key: string;
  readonly ctrlKey: boolean;
  readonly metaKey: boolean;
  readonly altKey: boolean;
  readonly shiftKey: boolean;
}

const move = (rows: number, columns: number, { shiftKey }: Key): Action => ({
  kind: "move",
  rows,
  columns,
  selects: shiftKey && rows !== 0,
});

/** What a key does in the rows. */
export function actionOf(key: Key): Action | undefined {
  const control = key.ctrlKey || key.metaKey;
  if (key.altKey) return undefined;
  switch (key.key) {
    case "ArrowDown":
      return control ? { kind: "last" } : move(1, 0, key);
    case "ArrowUp":
      return control ? { kind: "first" } : move(-1, 0, key);
    case "ArrowRight":
      return control ? { kind: "row_end" } : move(0, 1, key);
    case "ArrowLeft":
      return control ? { kind: "row_start" } : move(0, -1, key);
    case "Home":
      return { kind: control ? "first" : "row_start" };
    case "End":
      return { kind: control ? "last" : "row_end" };
    case "PageDown":
      return { kind: "page", pages: 1 };
    case "PageUp":
      return { kind: "page", pages: -1 };
  }
  if (control) return key.key.toLowerCase() === "a" ? { kind: "select_all" } : undefined;
  return key.key === "Delete" ? { kind: "delete", asks: key.shiftKey } : plain(key.key);
}

function plain(key: string): Action | undefined {
  switch (key) {
    case "Enter":
    case "F2":
      return { kind: "enter" };
    case " ":
      return { kind: "select" };
    case "Escape":
      return { kind: "clear" };
    case "+":
      return { kind: "step", by: 1 };
    case "-":
      return { kind: "step", by: -1 };
    case "a":
      return { kind: "adjust" };
    case "e":
      return { kind: "edit_all" };
    case "o":
      return { kind: "open" };
  }
  return /^\d$/.test(key) ? { kind: "type", text: key } : undefined;
}

/** A position: row -1 is the header. */
export interface Position {
  readonly row: number;
  readonly column: number;
}

export interface Extent {
  readonly rows: number;
  readonly columns: number;
  /** How many rows a page is. */
  readonly page: number;
}

/** Where an action leads; nowhere if it isn't about going anywhere. */
export function lead(action: Action, at: Position, { rows, columns, page }: Extent): Position | undefined {
  const within = (row: number, column: number): Position => ({
    row: Math.max(-1, Math.min(rows - 1, row)),
    column: Math.max(0, Math.min(columns - 1, column)),
  });
  switch (action.kind) {
    case "move":
      return within(at.row + action.rows, at.column + action.columns);
    case "row_start":
      return within(at.row, 0);
    case "row_end":
      return within(at.row, columns - 1);
    case "first":
      return within(0, at.column);
    case "last":
      return within(rows - 1, at.column);
    case "page":
      return within(Math.max(at.row + action.pages * page, 0), at.column);
    default:
      return undefined;
  }
}
