// From the text of a file to its rows, in pieces, so that the page goes on drawing; each with its line in the file.

import Papa from "papaparse";

export const DELIMITERS = [",", ";", "\t", "|"] as const;
export type Delimiter = (typeof DELIMITERS)[number];
export const MOST_ROWS = 100_000;

export interface Row {
  /** Where it begins in the file, from 1. */
  readonly line: number;
  readonly cells: readonly string[];
}

export interface Table {
  readonly headers: readonly string[];
  readonly rows: readonly Row[];
  readonly delimiter: Delimiter;
}

export interface Unreadable {
  readonly wrong: "too_many_rows" | "open_quote" | "stray_quote" | "no_rows" | "not_csv";
  /** Where; 0 if nowhere in particular. */
  readonly line: number;
}

/** So much is read before the page may draw, in characters. */
const PIECE = 256 * 1024;

function lineEnds(cell: string): number {
  return cell.match(/\r\n|\r|\n/g)?.length ?? 0;
}

/** What counts lines while rows come. */
class Collector {
  private line = 1;
  private readonly rows: Row[] = [];
  private headers: readonly string[] | undefined;

  take(cells: readonly string[]): void {
    const line = this.line;
    this.line += 1 + cells.reduce((sum, cell) => sum + lineEnds(cell), 0);
    // A line with nothing on it, or with nothing but delimiters, is no row.
    if (cells.every((cell) => cell.trim() === "")) return;
    if (this.headers === undefined) this.headers = cells.map((cell) => cell.trim());
    else this.rows.push({ line, cells });
  }

  get isFull(): boolean {
    return this.rows.length > MOST_ROWS;
  }

  /** Where the next row begins. */
  get next(): number {
    return this.line;
  }

  table(delimiter: Delimiter): Table | Unreadable {
    const { headers, rows } = this;
    if (this.isFull) return { wrong: "too_many_rows", line: rows.at(-1)?.line ?? 0 };
    if (headers === undefined || rows.length === 0) return { wrong: "no_rows", line: 0 };
    // A page or a document in another format begins like this.
    if (headers.length === 1 && /^[<{[]/.test(headers[0] ?? "")) return { wrong: "not_csv", line: 1 };
    return { headers, rows, delimiter };
  }
}

/** What the first line has most of, quoted texts aside. */
function guessDelimiter(text: string): Delimiter {
  const [first = ""] = text
    .trimStart()
    .slice(0, PIECE)
    .replace(/"[^"]*"/g, "")
    .split(/[\r\n]/, 1);
  const count = (delimiter: Delimiter): number => first.split(delimiter).length;
  return DELIMITERS.reduce((best, other) => (count(other) > count(best) ? other : best));
}

/** Reads a text whose delimiter is guessed unless one was chosen. */
export function readTable(text: string, chosen?: Delimiter): Promise<Table | Unreadable> {
  const collector = new Collector();
  const delimiter = chosen ?? guessDelimiter(text);
  let wrong: Unreadable | undefined;
  return new Promise((resolve) => {
    Papa.parse<string[]>(text, {
      delimiter,
      chunkSize: PIECE,
      chunk: ({ data, errors }: Papa.ParseResult<string[]>, parser: Papa.Parser) => {
        const broken = errors.find(({ type }) => type === "Quotes");
        for (const [place, cells] of data.entries()) {
          if (broken?.row === place) {
            wrong = { wrong: broken.code === "MissingQuotes" ? "open_quote" : "stray_quote", line: collector.next };
            break;
          }
          collector.take(cells);
        }
        if (wrong !== undefined || collector.isFull) {
          parser.abort();
          return;
        }
        parser.pause();
        setTimeout(() => parser.resume());
      },
      complete: () => resolve(wrong ?? collector.table(delimiter)),
      error: () => resolve({ wrong: "not_csv", line: 0 }),
    });
  });
}
