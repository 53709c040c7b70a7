// Lists that come in pages: what has come so far, more on request, and what went wrong.

import { useEffect, useRef, useState } from "preact/hooks";
import { type ApiProblem, asProblem } from "../api/client";
import { t } from "../i18n";
import { Button } from "./button";
import { Trouble } from "./trouble";

interface Page<T> {
  readonly data: readonly T[];
  readonly next_cursor: string | null;
}

export interface Paged<T> {
  readonly rows: readonly T[];
  /** Nothing has come yet. */
  readonly isNew: boolean;
  readonly busy: boolean;
  readonly wrong: ApiProblem | undefined;
  readonly hasMore: boolean;
  readonly more: () => void;
  readonly reload: () => void;
}

interface Held<T> {
  readonly rows: readonly T[];
  /** Of the next page: undefined for the first, null if there is none. */
  readonly next: string | null | undefined;
}

/** Asks for the first page at once and whenever `key` is another one. What an older key asked for is thrown away. */
export function usePaged<T>(key: string, ask: (after: string | undefined) => Promise<Page<T>>): Paged<T> {
  const [held, setHeld] = useState<Held<T>>({ rows: [], next: undefined });
  const [busy, setBusy] = useState(true);
  const [wrong, setWrong] = useState<ApiProblem>();
  const turn = useRef(0);
  const load = (before: Held<T>): void => {
    turn.current += 1;
    const mine = turn.current;
    setBusy(true);
    setWrong(undefined);
    ask(before.next ?? undefined)
      .then((page) => {
        if (mine === turn.current) setHeld({ rows: [...before.rows, ...page.data], next: page.next_cursor });
      })
      .catch((error: unknown) => {
        if (mine === turn.current) setWrong(asProblem(error));
      })
      .finally(() => {
        if (mine === turn.current) setBusy(false);
      });
  };
  const reload = (): void => load({ rows: [], next: undefined });
  useEffect(() => {
    reload();
    return () => {
      turn.current += 1;
    };
  }, [key]);
  return {
    rows: held.rows,
    isNew: held.next === undefined,
    busy,
    wrong,
    hasMore: typeof held.next === "string",
    more: () => load(held),
    reload,
  };
}

/** What stands below a list. */
export function PagedFoot({ list, empty }: { list: Paged<unknown>; empty: string }) {
  return (
    <>
      <Trouble problem={list.wrong} again={list.reload} />
      {list.busy && list.isNew && <p class="empty">{t("common.loading")}</p>}
      {!list.isNew && list.rows.length === 0 && <p class="empty">{empty}</p>}
      {list.hasMore && (
        <div>
          <Button disabled={list.busy} onClick={list.more}>
            {t("common.load_more")}
          </Button>
        </div>
      )}
    </>
  );
}
