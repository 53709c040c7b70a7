// Something that a button starts: once at a time, and with what went wrong kept to be shown.

import { useState } from "preact/hooks";
import { type ApiProblem, asProblem } from "../../api/client";

export interface Act {
  readonly busy: boolean;
  readonly wrong: ApiProblem | undefined;
  /** Says whether it went well. */
  readonly run: (what: () => Promise<void>) => Promise<boolean>;
}

export function useAct(): Act {
  const [busy, setBusy] = useState(false);
  const [wrong, setWrong] = useState<ApiProblem>();
  const run = async (what: () => Promise<void>): Promise<boolean> => {
    if (busy) return false;
    setBusy(true);
    setWrong(undefined);
    try {
      await what();
      return true;
    } catch (error) {
      setWrong(asProblem(error));
      return false;
    } finally {
      setBusy(false);
    }
  };
  return { busy, wrong, run };
}
