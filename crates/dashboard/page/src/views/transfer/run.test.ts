// The run of an import against a service that answers, is busy, or goes away.

import { describe, expect, it } from "vitest";
import { ApiProblem } from "../../api/problem";
import { preparing, type Settings } from "./csv/prepare";
import { type BatchBody, type BatchReport, type Progress, run, type Surroundings } from "./run";

const prepare = (...asked: Parameters<typeof preparing>) => [...preparing(...asked)];

const SETTINGS: Settings = {
  targets: ["sku", "quantity", "text:colour"],
  numbers: "1234.56",
  empty: "keep",
  unguards: true,
  match: "sku",
  onMissing: "create",
  onPresent: "update",
  reason: "",
};

const rows = (count: number) =>
  prepare(
    Array.from({ length: count }, (_, place) => ({ line: place + 2, cells: [`S-${place}`, "1", ""] })),
    SETTINGS,
  );

function report(body: BatchBody): BatchReport {
  const results = body.rows.map((_, row) => ({
    row,
    outcome: "created" as const,
    id: row + 1,
    version: 1,
    changed: [],
    errors: [],
  }));
  const counts = { created: results.length, updated: 0, unchanged: 0, skipped: 0, failed: 0 };
  return { dry_run: false, ...counts, results, as_of: { epoch: "e", position: 1 } };
}

const problem = (status: number, retryAfter?: number): ApiProblem =>
  new ApiProblem(status, "code", "detail", [], undefined, retryAfter);

/** A service that answers with these, one after the other, then well. */
function surroundings(...answers: readonly (ApiProblem | ((body: BatchBody) => BatchReport))[]) {
  const left = [...answers];
  const sent: BatchBody[] = [];
  const waited: number[] = [];
  const told: Progress[] = [];
  const around: Surroundings & { cancelled: boolean } = {
    cancelled: false,
    send: (body) => {
      sent.push(body);
      const answer = left.shift() ?? report;
      return answer instanceof ApiProblem ? Promise.reject(answer) : Promise.resolve(answer(body));
    },
    attributesOf: () => ({ size: 3 }),
    wait: (seconds) => {
      waited.push(seconds);
      return Promise.resolve();
    },
    isCancelled: () => around.cancelled,
    onProgress: (progress) => told.push(progress),
  };
  return { around, sent, waited, told };
}

describe("run", () => {
  it("sends a thousand rows at a time", async () => {
    const { around, sent, told } = surroundings();
    const { results, end } = await run(rows(2500), SETTINGS, true, around);
    expect(end).toBe("finished");
    expect(sent.map(({ rows }) => rows.length)).toEqual([1000, 1000, 500]);
    expect(sent[0]).toMatchObject({ dry_run: true, match: "sku", on_missing: "create", on_present: "update" });
    expect(results.every(({ outcome }) => outcome === "created")).toBe(true);
    expect(told.at(-1)).toEqual({ done: 2500, total: 2500, waits: 0 });
  });

  it("waits as long as a busy service asks, and goes on", async () => {
    const { around, sent, waited } = surroundings(problem(429, 7), problem(503), report);
    const { end } = await run(rows(3), SETTINGS, false, around);
    expect([end, sent.length, waited]).toEqual(["finished", 3, [7, 2]]);
  });

  it("says of which rows nobody knows whether they were done", async () => {
    const { around } = surroundings(report, problem(0));
    const { results, end } = await run(rows(2500), SETTINGS, false, around);
    expect(end).toBeInstanceOf(ApiProblem);
    const count = (outcome: string): number => results.filter((result) => result.outcome === outcome).length;
    expect([count("created"), count("unknown"), count("not_done")]).toEqual([1000, 1000, 500]);
  });

  it("keeps what is done when it is cancelled", async () => {
    const { around } = surroundings((body) => {
      around.cancelled = true;
      return report(body);
    });
    const { results, end } = await run(rows(1500), SETTINGS, false, around);
    expect(end).toBe("cancelled");
    expect(results.filter(({ outcome }) => outcome === "created")).toHaveLength(1000);
    expect(results.filter(({ outcome }) => outcome === "not_done")).toHaveLength(500);
  });

  it("finds the column of what the service says, and keeps other attributes", async () => {
    const prepared = prepare(
      [
        { line: 2, cells: ["A", "x", ""] },
        { line: 3, cells: ["B", "1", "red"] },
      ],
      SETTINGS,
    );
    const { around, sent } = surroundings((body) => ({
      ...report(body),
      results: [
        {
          row: 0,
          outcome: "failed",
          id: null,
          version: null,
          changed: [],
          errors: [{ detail: "is wrong", pointer: "/rows/0/quantity" }],
        },
      ],
    }));
    const { results } = await run(prepared, SETTINGS, false, around);
    expect(sent[0]?.rows).toEqual([{ sku: "B", quantity: 1, attributes: { size: 3, colour: "red" } }]);
    expect(results.map(({ outcome }) => outcome)).toEqual(["failed", "failed"]);
    expect(results[1]?.faults).toEqual([{ column: 1, text: "is wrong" }]);
  });
});
