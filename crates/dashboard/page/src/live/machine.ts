// When to connect, by what, and when to wait: a pure machine. It is told what happens and answers with the phase it is in;
// connection.ts opens and closes what the phase asks for.

import type { LogoutReason } from "../protocol/frames";

export type Transport = "socket" | "events" | "poll";

export type Phase =
  | { readonly kind: "paused" }
  | { readonly kind: "offline" }
  | { readonly kind: "connecting"; readonly transport: Transport }
  /** Connected since then, in milliseconds of the clock. */
  | { readonly kind: "open"; readonly transport: Transport; readonly since: number }
  /** Nothing is tried before `until`, in milliseconds of the clock. */
  | { readonly kind: "waiting"; readonly transport: Transport; readonly until: number }
  /** Final until someone signs in again; `broken` if hub and page don't understand one another. */
  | { readonly kind: "ended"; readonly reason: LogoutReason | "signed_out" | "broken" };

export interface Machine {
  readonly phase: Phase;
  /** Failures in a row, of any transport: what the pause grows with. */
  readonly failures: number;
  /** How often in a row the current transport failed before it was let in. */
  readonly refusals: number;
  /** How far clients spread when a hub restarts, in milliseconds. */
  readonly jitterMs: number;
}

export type Happening =
  | { readonly type: "started" | "online" | "offline" | "hidden" | "shown" | "retry" }
  | { readonly type: "opened"; readonly jitterMs: number }
  | { readonly type: "upgraded"; readonly transport: Transport }
  | ({ readonly type: "closed" } & Closed)
  | { readonly type: "ended"; readonly reason: LogoutReason | "signed_out" };

/** How a connection ended. */
interface Closed {
  readonly code: number;
  /** When to come back, if that was said. */
  readonly retryAfterMs?: number | undefined;
  /** It was the login, and there is a new one. */
  readonly renewed?: boolean;
}

/** The first pause after a failure, and the longest, in milliseconds. */
export const FIRST_PAUSE = 500;
export const LONGEST_PAUSE = 30_000;
/** What lasted so long, in milliseconds, worked: the failures before it no longer count. */
export const SETTLED = 5_000;
/** So often in a row a transport may fail to get in before the next one is tried. */
export const TRIES = 2;
const CLOSED_RESTART = 1012;
const CLOSED_FORCED_LOGOUT = 4003;
const CLOSED_TOO_SLOW = 4008;
const CLOSED_BAD_FRAME = 4400;

export const NEW_MACHINE: Machine = { phase: { kind: "paused" }, failures: 0, refusals: 0, jitterMs: 2000 };

/** What follows. `now` is the clock in milliseconds, `random` from 0 to 1. */
export function step(machine: Machine, happening: Happening, now: number, random: number): Machine {
  const { phase } = machine;
  if (phase.kind === "ended" && happening.type !== "started") return machine;
  switch (happening.type) {
    case "started":
      return { ...machine, phase: { kind: "connecting", transport: "socket" }, failures: 0, refusals: 0 };
    case "shown":
      return phase.kind === "paused" ? connect(machine) : machine;
    case "online":
      return phase.kind === "offline" || phase.kind === "waiting" ? connect({ ...machine, failures: 0 }) : machine;
    case "retry":
      return phase.kind === "waiting" || phase.kind === "offline" ? connect(machine) : machine;
    case "hidden":
      return { ...machine, phase: { kind: "paused" }, failures: 0, refusals: 0 };
    case "offline":
      return phase.kind === "paused" ? machine : { ...machine, phase: { kind: "offline" } };
    case "opened":
      if (phase.kind !== "connecting") return machine;
      return {
        ...machine,
        phase: { kind: "open", transport: phase.transport, since: now },
        refusals: 0,
        jitterMs: happening.jitterMs,
      };
    case "upgraded":
      return phase.kind === "open" ? { ...machine, phase: { ...phase, transport: happening.transport } } : machine;
    case "ended":
      return { ...machine, phase: { kind: "ended", reason: happening.reason } };
    case "closed":
      return closed(settled(machine, now), happening, now, random);
  }
}

function connect(machine: Machine): Machine {
  const transport = machine.phase.kind === "waiting" ? machine.phase.transport : "socket";
  return { ...machine, phase: { kind: "connecting", transport } };
}

/** Forgets the failures before a connection that lasted. One that breaks at once is another failure. */
function settled(machine: Machine, now: number): Machine {
  const { phase } = machine;
  return phase.kind === "open" && now - phase.since >= SETTLED ? { ...machine, failures: 0 } : machine;
}

function closed(machine: Machine, { code, ...why }: Closed, now: number, random: number): Machine {
  const { phase } = machine;
  if (phase.kind !== "connecting" && phase.kind !== "open") return machine;
  if (code === CLOSED_FORCED_LOGOUT) return { ...machine, phase: { kind: "ended", reason: "revoked" } };
  if (code === CLOSED_BAD_FRAME) return { ...machine, phase: { kind: "ended", reason: "broken" } };
  // Who came with a login that had ended was let in as far as the way there is concerned.
  const refused = phase.kind === "connecting" && why.renewed !== true;
  const refusals = refused ? machine.refusals + 1 : 0;
  const moves = refusals >= TRIES;
  return {
    ...machine,
    phase: {
      kind: "waiting",
      transport: moves ? next(phase.transport) : phase.transport,
      until: now + pauseAfter(code, why, machine, random),
    },
    failures: machine.failures + 1,
    refusals: moves ? 0 : refusals,
  };
}

function next(transport: Transport): Transport {
  return transport === "socket" ? "events" : transport === "events" ? "poll" : "socket";
}

/** Exponential, with at least half of it random, so that those who were disconnected together don't return together. */
function pauseAfter(code: number, why: Omit<Closed, "code">, machine: Machine, random: number): number {
  // Never before that, and not all at once.
  if (why.retryAfterMs !== undefined) return why.retryAfterMs * (1 + random / 2);
  if (code === CLOSED_RESTART) return machine.jitterMs * random;
  const first = machine.failures === 0;
  if (first && why.renewed === true) return 0;
  if (first && code === CLOSED_TOO_SLOW) return FIRST_PAUSE * random;
  const longest = Math.min(LONGEST_PAUSE, FIRST_PAUSE * 2 ** machine.failures);
  return longest * (0.5 + random / 2);
}
