// The typed client of the REST API: every path, parameter and answer is checked against the OpenAPI document. What isn't
// good is thrown as an ApiProblem.

import createClient, { type Middleware } from "openapi-fetch";
import { ApiProblem, asProblem, readProblem } from "./problem";
import type { paths } from "./schema.gen";
import { csrfToken, me, renew } from "./session";

const SAFE: ReadonlySet<string> = new Set(["GET", "HEAD", "OPTIONS"]);

/** Asks, and asks again with a new cookie if the old one has ended. */
async function fetchRenewed(request: Request): Promise<Response> {
  // Behind the end of the login nothing is asked any more.
  if (me.peek() === null) throw new Error("Nobody is signed in.");
  const again = request.clone();
  const response = await fetch(request);
  if (response.status !== 401) return response;
  const ended = await renew().catch(() => "signed_out" as const);
  if (ended !== undefined) return response;
  const token = csrfToken();
  if (token !== undefined && !SAFE.has(again.method)) again.headers.set("X-CSRF-Token", token);
  return fetch(again);
}

const withToken: Middleware = {
  onRequest({ request }) {
    const token = csrfToken();
    if (token !== undefined && !SAFE.has(request.method)) request.headers.set("X-CSRF-Token", token);
    return request;
  },
};

export const api = createClient<paths>({ baseUrl: "", fetch: fetchRenewed, cache: "no-store" });
api.use(withToken);

interface Outcome<T> {
  readonly data?: T;
  readonly error?: unknown;
  readonly response: Response;
}

/**
 * The content of a good answer: `const item = await good(api.GET("/api/v1/items/{id}", { params: { path: { id } } }))`.
 * Throws an ApiProblem otherwise.
 */
export async function good<T>(asked: Promise<Outcome<T>>): Promise<T> {
  let outcome: Outcome<T>;
  try {
    outcome = await asked;
  } catch (error) {
    throw asProblem(error);
  }
  if (!outcome.response.ok) throw readProblem(outcome.response, outcome.error);
  return outcome.data as T;
}

/** A reason as a header can carry it. */
export function reasonHeader(reason: string): { "X-Reason"?: string } {
  const text = reason.trim();
  return text === "" ? {} : { "X-Reason": encodeURIComponent(text) };
}

/** The entity tag of a version. */
export function tagOf(version: number): string {
  return `"${version}"`;
}

export { ApiProblem, asProblem };
