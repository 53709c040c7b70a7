// What isn't live on the stream: asked for when it is shown, again when somebody changed it here, and every few seconds while
// somebody looks.

import { useCallback, useEffect, useState } from "preact/hooks";
import { type ApiProblem, asProblem } from "../../api/client";

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
  const [turn, setTurn] = useState(0);
  useEffect(() => {
    let timer: number | undefined;
    let gone = false;
    const run = async (): Promise<void> => {
      if (document.visibilityState === "visible") {
        const [found, wrong] = await ask().then(
          (found) => [found, undefined] as const,
          (error: unknown) => [undefined, asProblem(error)] as const,
        );
        if (gone) return;
        if (found !== undefined) setValue(() => found);
        setProblem(wrong);
      }
      if (every !== undefined) timer = setTimeout(() => void run(), every) as unknown as number;
    };
    void run();
    return () => {
      gone = true;
      clearTimeout(timer);
    };
  }, [ask, every, turn]);
  const again = useCallback(() => setTurn((turn) => turn + 1), []);
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
