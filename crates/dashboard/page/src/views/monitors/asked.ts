// What isn't live on the stream: asked for when it is shown, again when somebody changed it here, and every few seconds while
// somebody looks.

import { useCallback, useEffect, useRef, useState } from "preact/hooks";
import { type ApiProblem, asProblem } from "../../api/client";
import { Asking } from "./asking";

export interface Asked<T> {
  /** The last good answer. */
  readonly value: T | undefined;
  /** Why the last question wasn't answered. */
  readonly problem: ApiProblem | undefined;
  readonly again: () => void;
}

/** Asks now and, if a time is given, again so many milliseconds after each answer. `ask` must not change with every drawing. */
export function useAsked<T>(ask: () => Promise<T>, every?: number): Asked<T> {
  const [value, setValue] = useState<T>();
  const [problem, setProblem] = useState<ApiProblem>();
  const asking = useRef<Asking>();
  useEffect(() => {
    const here = new Asking(async () => {
      if (document.visibilityState !== "visible") return;
      const [found, wrong] = await ask().then(
        (found) => [found, undefined] as const,
        (error: unknown) => [undefined, asProblem(error)] as const,
      );
      if (asking.current !== here) return;
      if (found !== undefined) setValue(() => found);
      setProblem(wrong);
    }, every);
    asking.current = here;
    here.again();
    return () => {
      here.stop();
      asking.current = undefined;
    };
  }, [ask, every]);
  const again = useCallback(() => asking.current?.again(), []);
  return { value, problem, again };
}

/** All pages of a list. */
export async function allOf<T>(
  page: (query: { limit: number; after?: string }) => Promise<{ data: T[]; next_cursor?: string | null }>,
): Promise<T[]> {
  const found: T[] = [];
  let after: string | undefined;
  do {
    const answer = await page({ limit: 200, ...(after !== undefined && { after }) });
    found.push(...answer.data);
    after = answer.next_cursor ?? undefined;
  } while (after !== undefined);
  return found;
}
