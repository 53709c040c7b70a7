// What a browser or program calls itself, as people would: "Chrome, Windows" for a long user agent.

const BROWSERS: readonly (readonly [RegExp, string])[] = [
  [/\bEdg(?:A|iOS)?\//, "Edge"],
  [/\b(?:OPR|Opera)\//, "Opera"],
  [/\bSamsungBrowser\//, "Samsung Internet"],
  [/\bVivaldi\//, "Vivaldi"],
  [/\b(?:Firefox|FxiOS)\//, "Firefox"],
  [/\b(?:HeadlessChrome|Chrome|CriOS|Chromium)\//, "Chrome"],
  [/\bVersion\/[\d.]+.*\bSafari\//, "Safari"],
];

// Android calls itself Linux, too, and an iPhone "like Mac OS X".
const SYSTEMS: readonly (readonly [RegExp, string])[] = [
  [/\bAndroid\b/, "Android"],
  [/\biPhone\b/, "iPhone"],
  [/\biPad\b/, "iPad"],
  [/\bWindows\b/, "Windows"],
  [/\bCrOS\b/, "ChromeOS"],
  [/\bMac OS X\b|\bMacintosh\b/, "macOS"],
  [/\bLinux\b/, "Linux"],
];

/** Nothing if it didn't say. */
export function describeDevice(userAgent: string): string | undefined {
  const found = (names: typeof BROWSERS): string | undefined => names.find(([mark]) => mark.test(userAgent))?.[1];
  const browser = found(BROWSERS);
  const system = found(SYSTEMS);
  if (browser !== undefined) return system === undefined ? browser : `${browser}, ${system}`;
  // A program begins with its own name.
  const program = /^[\w.-]+/.exec(userAgent.trim())?.[0];
  return program === "Mozilla" ? system : program;
}
