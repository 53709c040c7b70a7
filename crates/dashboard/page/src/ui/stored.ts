// What this browser remembers of choices. Where it may not, they hold as long as the page is open.

export function recall(name: string): string | null {
  try {
    return localStorage.getItem(name);
  } catch {
    return null;
  }
}

export function remember(name: string, text: string): void {
  try {
    localStorage.setItem(name, text);
  } catch {
    // Storage is off or full: the choice is forgotten with the page.
  }
}
