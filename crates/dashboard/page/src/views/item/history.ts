// The history of one item: read page by page, and kept up by the changes that come live.

import { type Signal, signal } from "@preact/signals";
import { type ApiProblem, api, asProblem, good } from "../../api/client";
import { whenLiveAgain } from "../../live/again";
import { items } from "../../live/stock";
import { type Entry, entryOfChange, entryOfFrame, merge } from "./timeline";

const PAGE = 50;
/** What is missing between two changes is read in pieces of so many. */
const MISSING = 200;
/** Of what comes live so much is kept; older changes can be read again. */
const MOST = 4000;
const KEPT = 2000;

/** Where to go on: behind a page, or at a time. */
type Place = { readonly after: string } | { readonly until: string };

interface Older {
  /** Nothing if nothing older is kept. */
  readonly place: Place | undefined;
  /** Whether the history begins with the item's creation. */
  readonly complete: boolean;
}

export class History {
  readonly entries: Signal<readonly Entry[]> = signal([]);
  readonly older: Signal<Older | undefined> = signal(undefined);
  readonly loading: Signal<boolean> = signal(false);
  readonly problem: Signal<ApiProblem | undefined> = signal(undefined);
  private stopped = false;

  constructor(private readonly id: number) {}

  /** Follows the item, until it is called off. */
  start(): () => void {
    const unlisten = items.listen((changes) => {
      const own = changes.filter((change) => change.id === this.id);
      if (own.length > 0) this.put(merge(this.entries.value, own.map(entryOfFrame)));
    });
    const stopAgain = whenLiveAgain(() => this.readNewest());
    void this.readNewest();
    return () => {
      this.stopped = true;
      unlisten();
      stopAgain();
    };
  }

  readonly readNewest = (): Promise<void> => this.read({ limit: PAGE }, this.older.value === undefined);

  readonly readOlder = async (): Promise<void> => {
    const place = this.older.value?.place;
    if (place !== undefined) await this.read({ limit: PAGE, ...place }, true);
  };

  /** Reads what is missing before a time; before now, if none is named. */
  readonly readMissing = (until: string | undefined): Promise<void> =>
    this.read({ limit: MISSING, ...(until !== undefined && { until }) }, false);

  /** Keeps the newest. What is let go is read again by whoever goes back to it. */
  private put(entries: readonly Entry[]): void {
    const oldest = entries[KEPT - 1];
    if (entries.length <= MOST || oldest === undefined) {
      this.entries.value = entries;
    } else {
      this.entries.value = entries.slice(0, KEPT);
      this.older.value = { place: { until: oldest.at }, complete: false };
    }
  }

  private async read(query: { limit: number; after?: string; until?: string }, oldest: boolean): Promise<void> {
    if (this.loading.value) return;
    this.loading.value = true;
    try {
      const page = await good(
        api.GET("/api/v1/items/{id}/history", {
          params: { path: { id: this.id }, query: { order: "newest", ...query } },
        }),
      );
      if (this.stopped) return;
      this.entries.value = merge(this.entries.value, page.data.map(entryOfChange));
      if (oldest) {
        const place = page.next_cursor === null ? undefined : { after: page.next_cursor };
        this.older.value = { place, complete: page.complete };
      }
      this.problem.value = undefined;
    } catch (error) {
      this.problem.value = asProblem(error);
    } finally {
      this.loading.value = false;
    }
  }
}
