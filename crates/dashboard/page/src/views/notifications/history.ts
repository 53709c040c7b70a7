// The notifications that fit a filter: pages that were asked for, and on top of them what has come live since.

import { computed, effect, type ReadonlySignal, type Signal, signal } from "@preact/signals";
import { useEffect, useMemo } from "preact/hooks";
import { type ApiProblem, api, asProblem, good } from "../../api/client";
import { type Notification, notifications } from "../../live/stock";
import { type Filter, matches } from "./arrivals";
import { current, isRead, learn, newest } from "./inbox";

const PAGE = 50;

export interface History {
  readonly shown: ReadonlySignal<readonly Notification[]>;
  readonly loading: ReadonlySignal<boolean>;
  readonly problem: ReadonlySignal<ApiProblem | undefined>;
  /** Whether there are older ones. */
  readonly hasMore: ReadonlySignal<boolean>;
  more(): void;
  again(): void;
}

class Pages implements History {
  private readonly asked: Signal<readonly Notification[] | undefined> = signal(undefined);
  readonly loading = signal(false);
  readonly problem: Signal<ApiProblem | undefined> = signal(undefined);
  readonly hasMore = signal(false);
  readonly shown: ReadonlySignal<readonly Notification[]>;
  /** What is newer than this one came live. */
  private bound = 0;
  private next: string | undefined;
  private turn = 0;
  private gone = false;

  constructor(private readonly filter: Filter) {
    this.shown = computed(() => {
      const asked = this.asked.value;
      if (asked === undefined) return [];
      const known = new Set(asked.map((notification) => notification.id));
      const live = newest.value.filter(
        (notification) =>
          !known.has(notification.id) &&
          notification.id > this.bound &&
          matches(filter, notification, isRead(notification)),
      );
      return [...live, ...asked].map(current).sort((one, other) => other.id - one.id);
    });
  }

  again(): void {
    this.next = undefined;
    this.asked.value = undefined;
    this.bound = newest.peek()[0]?.id ?? 0;
    this.more();
  }

  more(): void {
    void this.ask();
  }

  leave(): void {
    this.gone = true;
  }

  private async ask(): Promise<void> {
    this.turn += 1;
    const turn = this.turn;
    this.loading.value = true;
    this.problem.value = undefined;
    // Another one was asked since, or nobody looks any more.
    const isOld = (): boolean => this.gone || turn !== this.turn;
    try {
      const query = queryOf(this.filter, this.next);
      const page = await good(api.GET("/api/v1/notifications", { params: { query } }));
      if (isOld()) return;
      learn(page.data);
      this.next = page.next_cursor ?? undefined;
      this.hasMore.value = page.has_more;
      this.asked.value = [...(this.asked.peek() ?? []), ...page.data];
    } catch (error) {
      if (!isOld()) this.problem.value = asProblem(error);
    } finally {
      if (!isOld()) this.loading.value = false;
    }
  }
}

function queryOf(filter: Filter, after: string | undefined) {
  return {
    limit: PAGE,
    ...(after !== undefined && { after }),
    ...(filter.item !== undefined && { item_id: filter.item }),
    ...(filter.monitor !== undefined && { monitor_id: filter.monitor }),
    ...(filter.severities.length > 0 && { severity: filter.severities.join(",") }),
    ...(filter.unread && { unread: true }),
    ...(filter.acknowledged !== undefined && { acknowledged: filter.acknowledged }),
    ...(filter.since !== undefined && { since: filter.since }),
    ...(filter.until !== undefined && { until: filter.until }),
  };
}

/** The history for a filter; another filter begins anew. */
export function useHistory(filter: Filter): History {
  const key = JSON.stringify(filter);
  const pages = useMemo(() => new Pages(filter), [key]);
  useEffect(() => {
    pages.again();
    // What the stream begins with tells nothing of what was read: that is asked behind it.
    let wasEmpty = notifications.state.peek().freshness === "empty";
    const uneffect = effect(() => {
      if (notifications.state.value.freshness === "empty" || !wasEmpty) return;
      wasEmpty = false;
      pages.again();
    });
    return () => {
      uneffect();
      pages.leave();
    };
  }, [pages]);
  return pages;
}
