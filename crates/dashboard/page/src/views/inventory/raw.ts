// Numbers of attributes that JavaScript would round, such as long serial numbers: an edit of another attribute sends them back
// as the API wrote them.

/** How many digits a number keeps for certain. */
const DIGITS = 15;

/** Whether there is a number in it that may have been another one before it was read. */
export function isRounded(value: unknown): boolean {
  if (typeof value === "number") {
    return !Number.isSafeInteger(value) && (value.toString().match(/\d/g)?.length ?? 0) > DIGITS;
  }
  return typeof value === "object" && value !== null && Object.values(value).some(isRounded);
}

/** The members of an object in valid JSON, as they are written. */
export function members(json: string): ReadonlyMap<string, string> {
  const found = new Map<string, string>();
  // Texts, brackets, separators; whatever else there is stands between them.
  const parts = /"(?:[^"\\]|\\.)*"|[{}[\],:]/g;
  let [depth, start, name] = [0, 0, undefined as string | undefined];
  const end = (at: number): void => {
    if (name !== undefined) found.set(name, json.slice(start, at).trim());
    name = undefined;
  };
  for (let part = parts.exec(json); part !== null; part = parts.exec(json)) {
    const [text] = part;
    if (text === "{" || text === "[") depth += 1;
    else if (text === "}" || text === "]") {
      if (depth === 1) end(part.index);
      depth -= 1;
    } else if (depth !== 1) continue;
    else if (text === ",") end(part.index);
    else if (text !== ":" && name === undefined) {
      name = JSON.parse(text) as string;
      start = json.indexOf(":", parts.lastIndex) + 1;
    }
  }
  return found;
}

/** An object as JSON, in which what is still as it was is written as it was. */
export function written(values: Record<string, unknown>, before: ReadonlyMap<string, string>): string {
  const entries = Object.entries(values).map(([name, value]) => {
    const text = JSON.stringify(value);
    const raw = before.get(name);
    const same = raw !== undefined && JSON.stringify(JSON.parse(raw)) === text;
    return `${JSON.stringify(name)}:${same ? raw : text}`;
  });
  return `{${entries.join(",")}}`;
}
