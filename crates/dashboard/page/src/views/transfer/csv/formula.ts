// Texts that a spreadsheet would run as a formula: an apostrophe before them keeps it from that, and is taken off again
// when the file comes back.

const RISKY = /^'*[=+\-@\t\r]/;
const GUARDED = /^'+[=+\-@\t\r]/;

/** What has apostrophes before such a character already gets one more, so that exactly one can be taken off again. */
export function guard(text: string): string {
  return RISKY.test(text) ? `'${text}` : text;
}

export function unguard(text: string): string {
  return GUARDED.test(text) ? text.slice(1) : text;
}
