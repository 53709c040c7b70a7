// From the bytes of a file to its text.

export const ENCODINGS = ["utf-8", "utf-16le", "utf-16be", "shift_jis", "gb18030", "windows-1252"] as const;
export type Encoding = (typeof ENCODINGS)[number];

/** Larger files are no lists of 100,000 items. */
export const MOST_BYTES = 64 * 1024 * 1024;

export type Undecoded = "empty" | "too_large" | "workbook" | "binary" | "not_utf8" | "not_encoding";

/** The encoding that the first bytes say. */
function marked(bytes: Uint8Array): Encoding | undefined {
  const [first, second, third] = bytes;
  if (first === 0xef && second === 0xbb && third === 0xbf) return "utf-8";
  if (first === 0xff && second === 0xfe) return "utf-16le";
  if (first === 0xfe && second === 0xff) return "utf-16be";
  return undefined;
}

export interface Decoded {
  readonly text: string;
  readonly encoding: Encoding;
}

/** The text; in UTF-8 or what the first bytes say, if nothing was chosen. Or why it is none. */
export function decode(bytes: Uint8Array, chosen?: Encoding): Decoded | Undecoded {
  if (bytes.length === 0) return "empty";
  if (bytes.length > MOST_BYTES) return "too_large";
  // A zip archive or an older Office document.
  const [first, second] = bytes;
  if ((first === 0x50 && second === 0x4b) || (first === 0xd0 && second === 0xcf)) return "workbook";
  const encoding = chosen ?? marked(bytes) ?? "utf-8";
  let text: string;
  try {
    text = new TextDecoder(encoding, { fatal: true }).decode(bytes);
  } catch {
    return chosen === undefined ? "not_utf8" : "not_encoding";
  }
  if (text.includes("\0")) return "binary";
  return text.trim() === "" ? "empty" : { text, encoding };
}
