// Light, dark, or as the system has it; remembered in this browser.

import { type Signal, signal } from "@preact/signals";
import { recall, remember } from "./stored";

export type Theme = "auto" | "light" | "dark";
export const THEMES: readonly Theme[] = ["auto", "light", "dark"];

const STORED = "stockwire.theme";

function isTheme(text: string | null): text is Theme {
  return THEMES.some((theme) => theme === text);
}

const stored = (): Theme => {
  const text = recall(STORED);
  return isTheme(text) ? text : "auto";
};

export const theme: Signal<Theme> = signal("auto");

/** Whether the page is dark right now: what is drawn on a canvas needs to know. */
export const dark: Signal<boolean> = signal(false);

function show(): void {
  document.documentElement.dataset.theme = theme.value;
  dark.value = theme.value === "dark" || (theme.value === "auto" && matchMedia("(prefers-color-scheme: dark)").matches);
}

export function startTheme(): void {
  theme.value = stored();
  show();
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", show);
}

export function chooseTheme(chosen: Theme): void {
  remember(STORED, chosen);
  theme.value = chosen;
  show();
}
