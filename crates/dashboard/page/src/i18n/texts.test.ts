import { describe, expect, it } from "vitest";
import { en } from "./en";
import { ja } from "./ja";
import { zh } from "./zh";

/** All texts by their keys, such as `common.save`. */
function flat(messages: object, before = ""): Map<string, string> {
  const found = new Map<string, string>();
  for (const [key, value] of Object.entries(messages) as [string, string | object][]) {
    if (typeof value === "string") found.set(before + key, value);
    else for (const [inner, text] of flat(value, `${before}${key}.`)) found.set(inner, text);
  }
  return found;
}

function placeholders(text: string): string[] {
  return [...new Set(text.match(/\{\{\s*\w+\s*\}\}/g))].sort();
}

const english = flat(en);
/** Names and notations that are the same in all languages. */
const SAME_EVERYWHERE =
  /^(?:[\p{P}\p{S}\p{N}\s]|\{\{\w+\}\}|Stockwire|API|CSV|SKU|ID|URL|JSON|UTC|HTTP|REST|SQL|OK|PNG|SVG|Webhook|E-mail)*$/u;

describe.each([
  ["Chinese", flat(zh), /\p{Script=Han}/u],
  ["Japanese", flat(ja), /[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}]/u],
])("%s", (_, texts, script) => {
  it("has every text that English has, and no other", () => {
    // A language without singular needs no text for it.
    const wanted = [...english.keys()].filter((key) => !key.endsWith("_one")).sort();
    expect([...texts.keys()].filter((key) => !key.endsWith("_one")).sort()).toEqual(wanted);
  });

  it("has the same placeholders", () => {
    for (const [key, text] of texts) expect(placeholders(text), key).toEqual(placeholders(english.get(key) ?? ""));
  });

  it("is in its own script", () => {
    const foreign = [...texts].filter(([, text]) => !script.test(text) && !SAME_EVERYWHERE.test(text));
    expect(foreign).toEqual([]);
  });
});

describe("English", () => {
  it("has a plural for every singular, and no empty text", () => {
    for (const [key, text] of english) {
      expect(text.trim(), key).not.toBe("");
      if (key.endsWith("_one")) expect(english.has(key.replace(/_one$/, "_other")), key).toBe(true);
    }
  });
});
