// Who made the version that a refusal tells of: the stream says so if it is live; without it the item's history is asked.

import { api, good } from "../../api/client";
import type { Item } from "../../live/stock";
import { lastChangeOf, remember } from "./flashes";

/** Finds out who made this version of the item; nothing if that can't be told. */
export async function authorOf({ id, version }: Item): Promise<string | undefined> {
  const seen = lastChangeOf(id);
  if (seen?.version === version) return seen.actor;
  const params = { path: { id }, query: { order: "newest", limit: 1 } } as const;
  // Whose value it is only adds to what was refused: that is shown in any case.
  const page = await good(api.GET("/api/v1/items/{id}/history", { params })).catch(() => undefined);
  const newest = page?.data[0];
  if (newest?.version !== version) return undefined;
  remember({ id, version, actor: newest.actor, at: newest.at, reason: newest.reason ?? null });
  return newest.actor;
}
