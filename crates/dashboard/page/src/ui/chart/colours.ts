// The page's colours as a canvas needs them: it knows no CSS variables.

const NAMES = ["text", "text-quiet", "line", "surface", "accent", "chart-1", "chart-2", "chart-3"] as const;
export type ColourName = (typeof NAMES)[number];
export type Colours = Readonly<Record<ColourName, string>>;

/** Reads the colours as they are within an element right now. */
export function coloursOf(element: HTMLElement): Colours {
  // The variables hold a colour for each theme; only a property that uses one says which it is.
  const probe = document.createElement("span");
  probe.hidden = true;
  element.append(probe);
  const read = NAMES.map((name) => {
    probe.style.color = `var(--${name})`;
    return [name, getComputedStyle(probe).color] as const;
  });
  probe.remove();
  return Object.fromEntries(read) as Record<ColourName, string>;
}

/** A colour, more transparent. */
export function faint(colour: string, share: number): string {
  return `color-mix(in srgb, ${colour} ${Math.round(share * 100)}%, transparent)`;
}
