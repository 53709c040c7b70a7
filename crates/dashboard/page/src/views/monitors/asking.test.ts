import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { Asking } from "./asking";

beforeEach(() => vi.useFakeTimers());
afterEach(() => vi.useRealTimers());

describe("what is wanted many times a second", () => {
  it("is asked for once at a time, answered each time, and at most once a second", async () => {
    let [asked, answered] = [0, 0];
    const asking = new Asking(async () => {
      asked += 1;
      await new Promise((resolve) => setTimeout(resolve, 500));
      answered += 1;
    }, undefined);
    for (let round = 0; round < 1000; round++) {
      asking.again();
      await vi.advanceTimersByTimeAsync(10);
    }
    // Half a second for an answer and a second behind it.
    expect(answered).toBeGreaterThanOrEqual(6);
    expect(asked).toBeLessThanOrEqual(7);
    await vi.advanceTimersByTimeAsync(10_000);
    const end = asked;
    // What was wanted last is in an answer that was asked for behind it.
    expect(answered).toBe(end);
    await vi.advanceTimersByTimeAsync(60_000);
    expect(asked).toBe(end);
    asking.stop();
  });

  it("is asked for every while, until that is called off", async () => {
    const ask = vi.fn(async () => {});
    const asking = new Asking(ask, 5000);
    asking.again();
    await vi.advanceTimersByTimeAsync(20_100);
    expect(ask).toHaveBeenCalledTimes(5);
    asking.stop();
    await vi.advanceTimersByTimeAsync(60_000);
    expect(ask).toHaveBeenCalledTimes(5);
  });
});
