// Changes of items by the API, each with the version that was seen. What is answered is shown at once; the stream confirms it.

import { ApiProblem, api, good, reasonHeader, tagOf } from "../../api/client";
import type { components } from "../../api/schema.gen";
import type { Item } from "../../live/stock";
import { answered, answeredDeleted, changing } from "./answers";
import type { Patch } from "./merging";
import { isRounded, members, written } from "./raw";

export type NewItem = components["schemas"]["NewItem"];

const by = (id: number) => ({ path: { id } });

export async function patchItem(base: Item, patch: Patch, reason = ""): Promise<Item> {
  return changing(base.id, async () => {
    const header = { "If-Match": tagOf(base.version), ...reasonHeader(reason) };
    const bodySerializer = await serializer(base, patch);
    const params = { ...by(base.id), header };
    const asked = api.PATCH("/api/v1/items/{id}", { params, body: patch, bodySerializer });
    const item = await good(asked);
    answered(item);
    return item;
  });
}

/** Writes a patch as JSON. Attributes are replaced whole: those that were rounded here go back as the API writes them. */
async function serializer(base: Item, { attributes, ...others }: Patch): Promise<(patch: Patch) => string> {
  if (attributes === undefined || !isRounded(attributes)) return (patch) => JSON.stringify(patch);
  const text = await good(api.GET("/api/v1/items/{id}", { params: by(base.id), parseAs: "text" }));
  // Should the item be another one by now, the version that is sent along stops the patch.
  const now = members(members(text).get("attributes") ?? "{}");
  const rest = JSON.stringify(others).slice(1, -1);
  return () => `{${rest}${rest === "" ? "" : ","}"attributes":${written(attributes, now)}}`;
}

export async function adjustItem(id: number, amount: number, reason = ""): Promise<Item> {
  return changing(id, async () => {
    const params = { ...by(id), header: reasonHeader(reason) };
    const item = await good(api.POST("/api/v1/items/{id}/adjustments", { params, body: { by: amount } }));
    answered(item);
    return item;
  });
}

export async function createItem(fields: NewItem, reason = ""): Promise<Item> {
  const params = { header: reasonHeader(reason) };
  const item = await good(api.POST("/api/v1/items", { params, body: fields }));
  answered(item);
  return item;
}

export async function deleteItem(item: Item, reason = ""): Promise<void> {
  await changing(item.id, async () => {
    const header = { "If-Match": tagOf(item.version), ...reasonHeader(reason) };
    await good(api.DELETE("/api/v1/items/{id}", { params: { ...by(item.id), header } }));
    answeredDeleted(item.id, item.version);
  });
}

export async function restoreItem(id: number): Promise<Item> {
  return changing(id, async () => {
    const item = await good(api.POST("/api/v1/items/{id}/restore", { params: by(id) }));
    answered(item);
    return item;
  });
}

/** The item as it is now, of a problem that says it. */
export function currentOf(problem: ApiProblem): Item | undefined {
  const current = problem.current;
  return typeof current === "object" && current !== null && "version" in current ? (current as Item) : undefined;
}

/** Does something with many, a few at a time; waits as told if that is too fast. The answer: what failed. */
export async function withEach<T>(
  all: readonly T[],
  act: (one: T) => Promise<unknown>,
): Promise<readonly ApiProblem[]> {
  const AT_ONCE = 4;
  const waiting = [...all];
  const problems: ApiProblem[] = [];
  const work = async (): Promise<void> => {
    for (let one = waiting.shift(); one !== undefined; one = waiting.shift()) {
      try {
        await patiently(one, act);
      } catch (error) {
        if (!(error instanceof ApiProblem)) throw error;
        problems.push(error);
      }
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, work));
  return problems;
}

async function patiently<T>(one: T, act: (one: T) => Promise<unknown>): Promise<void> {
  for (let tries = 0; ; tries += 1) {
    try {
      await act(one);
      return;
    } catch (error) {
      if (!(error instanceof ApiProblem) || error.status !== 429 || tries === 5) throw error;
      await new Promise((resolve) => setTimeout(resolve, 1000 * (error.retryAfter ?? 1)));
    }
  }
}
