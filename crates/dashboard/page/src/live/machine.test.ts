import { describe, expect, it } from "vitest";
import {
  FIRST_PAUSE,
  type Happening,
  LONGEST_PAUSE,
  type Machine,
  NEW_MACHINE,
  type Phase,
  SETTLED,
  step,
  TRIES,
} from "./machine";

const NOW = 1_000_000;

function play(happenings: readonly Happening[], machine = NEW_MACHINE, random = 0.5): Machine {
  return happenings.reduce((before, happening) => step(before, happening, NOW, random), machine);
}

const started = play([{ type: "started" }]);
const opened: Happening = { type: "opened", jitterMs: 4000 };
const open = play([opened], started);
const refused: Happening = { type: "closed", code: 1006 };

/** How long the machine waits. */
function pause({ phase }: Machine): number {
  if (phase.kind !== "waiting") throw new Error(`it is ${phase.kind}`);
  return phase.until - NOW;
}

describe("the machine of the connection", () => {
  it("begins with a socket", () => {
    expect(started.phase).toEqual({ kind: "connecting", transport: "socket" });
    expect(open.phase).toEqual({ kind: "open", transport: "socket", since: NOW });
  });

  it("tries each way so often in a row, then the next, and around", () => {
    const tried: string[] = [];
    let machine = started;
    for (let round = 0; round < 4 * TRIES; round++) {
      if (machine.phase.kind === "connecting") tried.push(machine.phase.transport);
      machine = play([refused, { type: "retry" }], machine);
    }
    const ways = ["socket", "events", "poll", "socket"];
    expect(tried).toEqual(ways.flatMap((way) => Array.from({ length: TRIES }, () => way)));
  });

  it("stays with a way that let it in", () => {
    const machine = play([refused, { type: "retry" }, opened, refused, { type: "retry" }, refused], started);
    expect(machine.phase).toMatchObject({ kind: "waiting", transport: "socket" });
  });

  it("pauses longer with each failure, within bounds, and not in step with others", () => {
    for (const random of [0, 0.3, 0.999]) {
      let machine = started;
      for (let failures = 0; failures < 20; failures++) {
        machine = step(machine, refused, NOW, random);
        const longest = Math.min(LONGEST_PAUSE, FIRST_PAUSE * 2 ** failures);
        expect(pause(machine)).toBeGreaterThanOrEqual(longest / 2);
        expect(pause(machine)).toBeLessThanOrEqual(longest);
        expect(pause(machine)).toBeCloseTo(longest * (0.5 + random / 2));
        machine = play([{ type: "retry" }], machine);
      }
    }
  });

  it("forgets failures once a connection has lasted, and not before", () => {
    const failed = play([refused, { type: "retry" }, refused, { type: "retry" }, opened], started);
    expect(failed.failures).toBe(2);
    expect(step(failed, refused, NOW + SETTLED - 1, 1).failures).toBe(3);
    expect(step(failed, refused, NOW + SETTLED, 1).failures).toBe(1);
  });

  it.each<[string, Happening, number, number]>([
    ["a hub that restarts wants its clients back at random moments", { type: "closed", code: 1012 }, 0, 4000],
    ["who read nothing comes back soon", { type: "closed", code: 4008 }, 0, FIRST_PAUSE],
    ["who has a new login comes back at once", { type: "closed", code: 4001, renewed: true }, 0, 0],
    [
      "a time that was said is kept, and not by all at once",
      { type: "closed", code: 503, retryAfterMs: 3000 },
      3000,
      4500,
    ],
    ["anything else is a failure", { type: "closed", code: 1011 }, FIRST_PAUSE / 2, FIRST_PAUSE],
  ])("%s", (_, happening, least, most) => {
    expect(pause(play([happening], open, 0))).toBe(least);
    expect(pause(play([happening], open, 1))).toBe(most);
  });

  it("doesn't come back at once for ever, though its login is always new", () => {
    const again: Happening = { type: "closed", code: 401, renewed: true };
    const machine = play([again, { type: "retry" }, again, { type: "retry" }, again], started);
    expect(pause(machine)).toBeGreaterThanOrEqual(FIRST_PAUSE);
    // It is not the way that is to blame.
    expect(machine.phase).toMatchObject({ transport: "socket" });
  });

  it.each<[Happening, Phase]>([
    [
      { type: "closed", code: 4003 },
      { kind: "ended", reason: "revoked" },
    ],
    [
      { type: "closed", code: 4400 },
      { kind: "ended", reason: "broken" },
    ],
    [
      { type: "ended", reason: "other_device_login" },
      { kind: "ended", reason: "other_device_login" },
    ],
  ])("%j is the end, until somebody signs in", (happening, phase) => {
    const ended = play([happening], open);
    expect(ended.phase).toEqual(phase);
    const all: Happening[] = [
      { type: "online" },
      { type: "offline" },
      { type: "hidden" },
      { type: "shown" },
      { type: "retry" },
      opened,
      refused,
      { type: "ended", reason: "expired" },
    ];
    for (const later of all) expect(step(ended, later, NOW, 0.5)).toBe(ended);
    expect(play([{ type: "started" }], ended).phase.kind).toBe("connecting");
  });

  it("pauses from anywhere when nobody looks, and begins anew when somebody does", () => {
    const waiting = play([refused], started);
    const offline = play([{ type: "offline" }], open);
    for (const machine of [started, open, waiting, offline]) {
      const hidden = play([{ type: "hidden" }], machine);
      expect(hidden).toMatchObject({ phase: { kind: "paused" }, failures: 0, refusals: 0 });
      for (const type of ["offline", "online", "retry"] as const) expect(play([{ type }], hidden)).toBe(hidden);
      expect(play([{ type: "shown" }], hidden).phase).toEqual({ kind: "connecting", transport: "socket" });
    }
    expect(play([{ type: "shown" }], open)).toBe(open);
  });

  it("waits without a network, and tries at once when it is back or somebody asks", () => {
    const offline = play([{ type: "offline" }], open);
    expect(offline.phase).toEqual({ kind: "offline" });
    for (const type of ["online", "retry"] as const) expect(play([{ type }], offline).phase.kind).toBe("connecting");
    const waiting = play([refused, { type: "retry" }, refused], started);
    expect(play([{ type: "online" }], waiting)).toMatchObject({ phase: { transport: "events" }, failures: 0 });
    expect(play([{ type: "retry" }], waiting)).toMatchObject({ phase: { transport: "events" }, failures: 2 });
  });

  it("takes no notice of what is too late", () => {
    const waiting = play([refused], started);
    for (const happening of [opened, refused, { type: "upgraded", transport: "socket" } as const]) {
      expect(play([happening], waiting)).toBe(waiting);
    }
    expect(play([opened], open)).toBe(open);
  });

  it("changes over to a better way without a break", () => {
    const streaming = play([refused, { type: "retry" }, refused, { type: "retry" }, opened], started);
    expect(streaming.phase).toMatchObject({ kind: "open", transport: "events" });
    const better = play([{ type: "upgraded", transport: "socket" }], streaming);
    expect(better.phase).toMatchObject({ kind: "open", transport: "socket" });
  });
});
