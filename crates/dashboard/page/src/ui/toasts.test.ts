import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { announce, spoken } from "./toasts";

describe("announce", () => {
  beforeEach(() => vi.useFakeTimers());
  afterEach(() => {
    vi.runAllTimers();
    vi.useRealTimers();
  });

  it("says the first text at once, and of those that come too fast the last", () => {
    announce("one");
    expect(spoken.value).toBe("one");
    announce("two");
    announce("three");
    expect(spoken.value).toBe("one");
    vi.advanceTimersByTime(1999);
    expect(spoken.value).toBe("one");
    vi.advanceTimersByTime(1);
    expect(spoken.value).toBe("three");
    announce("four");
    expect(spoken.value).toBe("three");
    vi.advanceTimersByTime(2000);
    expect(spoken.value).toBe("four");
  });

  it("says a text at once behind a silence", () => {
    announce("one");
    vi.advanceTimersByTime(2000);
    announce("two");
    expect(spoken.value).toBe("two");
  });
});
