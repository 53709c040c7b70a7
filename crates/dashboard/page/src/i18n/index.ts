// The page's languages. English is part of the page, the others are loaded when they are wanted. Whatever shows a text
// follows the signal `language`, so a change of it redraws the page.

import { type ReadonlySignal, type Signal, signal } from "@preact/signals";
import i18next from "i18next";
import { recall, remember } from "../ui/stored";
import { en, type Messages } from "./en";

/** The keys of all texts; what exists in singular and plural has one. */
type KeyOf<M, Before extends string = ""> = {
  [K in keyof M & string]: M[K] extends string ? `${Before}${Plain<K>}` : KeyOf<M[K], `${Before}${K}.`>;
}[keyof M & string];
type Plain<K extends string> = K extends `${infer Name}_one` | `${infer Name}_other` ? Name : K;
export type Key = KeyOf<Messages>;

export type Language = "en" | "zh" | "ja";

/** The languages by their own names. */
export const LANGUAGES: readonly { readonly code: Language; readonly name: string }[] = [
  { code: "en", name: "English" },
  { code: "zh", name: "中文" },
  { code: "ja", name: "日本語" },
];

const STORED = "stockwire.language";
const TAGS: Record<Language, string> = { en: "en", zh: "zh-Hans", ja: "ja" };
const current: Signal<Language> = signal("en");
export const language: ReadonlySignal<Language> = current;

/**
 * The text of a key, in the language of the page. Texts of users are passed as they are: the view escapes them. `count`
 * chooses between singular and plural.
 */
export function t(key: Key, values: Readonly<Record<string, string | number>> = {}): string {
  // Whoever shows the text is redrawn with another language, because the signal is read here.
  return i18next.t(key, { ...values, lng: current.value });
}

function isLanguage(text: string | null | undefined): text is Language {
  return LANGUAGES.some(({ code }) => code === text);
}

/** What was chosen here before, else the first language of the browser that there is. */
function preferred(): Language {
  const stored = recall(STORED);
  if (isLanguage(stored)) return stored;
  return navigator.languages.map((tag) => tag.slice(0, 2)).find(isLanguage) ?? "en";
}

async function read(code: Language): Promise<object> {
  switch (code) {
    case "en":
      return en;
    case "zh":
      return (await import("./zh")).zh;
    case "ja":
      return (await import("./ja")).ja;
  }
}

export async function startLanguage(): Promise<void> {
  await i18next.init({
    lng: "en",
    fallbackLng: "en",
    defaultNS: "page",
    ns: ["page"],
    resources: { en: { page: en } },
    interpolation: { escapeValue: false },
  });
  // Without the file of another language the page speaks the one that it has.
  await speak(preferred()).catch(() => {});
}

/** Changes the language of the page, without remembering it. */
async function speak(code: Language): Promise<void> {
  if (!i18next.hasResourceBundle(code, "page")) i18next.addResourceBundle(code, "page", await read(code));
  await i18next.changeLanguage(code);
  document.documentElement.lang = TAGS[code];
  current.value = code;
}

/** Changes the language of the page for good. */
export async function chooseLanguage(code: Language): Promise<void> {
  remember(STORED, code);
  await speak(code);
}
