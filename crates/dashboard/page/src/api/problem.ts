// What the API says when something is wrong (RFC 9457), as an error that can be thrown and shown.

import type { components } from "./schema.gen";

export type ProblemDocument = components["schemas"]["Problem"];

/** A request that was refused, or that found nobody (`status` 0). */
export class ApiProblem extends Error {
  constructor(
    readonly status: number,
    /** For programs, such as `version_mismatch`; `unreachable` if there was no answer. */
    readonly code: string,
    /** For people, in English. */
    override readonly message: string,
    /** What is wrong with which part of the request. */
    readonly errors: readonly { readonly detail: string; readonly pointer: string }[],
    /** The resource as it is now, behind a conflict. */
    readonly current: unknown,
    /** Seconds until it makes sense to ask again. */
    readonly retryAfter: number | undefined,
  ) {
    super(message);
    this.name = "ApiProblem";
  }

  /** What is wrong with one field, such as `quantity`. */
  of(field: string): string | undefined {
    return this.errors.find((error) => error.pointer === `/${field}`)?.detail;
  }

  /** Everything that is wrong, in one text. */
  get text(): string {
    const fields = this.errors.map((error) => `${error.pointer.replace(/^\//, "")} ${error.detail}`);
    return fields.length > 0 ? fields.join("; ") : this.message;
  }
}

/** Reads what an answer that isn't good says. */
export function readProblem(response: Response, body: unknown): ApiProblem {
  const document = (typeof body === "object" && body !== null ? body : {}) as Partial<ProblemDocument>;
  const seconds = Number(response.headers.get("Retry-After"));
  return new ApiProblem(
    response.status,
    document.code ?? "unknown",
    document.detail ?? document.title ?? `The service answered with ${response.status}.`,
    document.errors ?? [],
    document.current,
    seconds > 0 ? seconds : undefined,
  );
}

/** An error of any kind as a problem. */
export function asProblem(error: unknown): ApiProblem {
  if (error instanceof ApiProblem) return error;
  return new ApiProblem(
    0,
    "unreachable",
    error instanceof Error ? error.message : String(error),
    [],
    undefined,
    undefined,
  );
}
