// Rows that take over each other's elements, as a hook: see `Slots`.

import { useEffect, useReducer, useState } from "preact/hooks";
import { type Slot, Slots } from "./slots";

/** So long rows rest before their elements are put in order, in milliseconds. */
const REST = 1000;

/** `free` says whether elements may be moved: whoever has the focus would lose it. */
export function useSlots(ids: readonly number[], free: () => boolean): readonly Slot[] {
  const [slots] = useState(() => new Slots());
  const [, redraw] = useReducer<number, undefined>((times) => times + 1, 0);
  const assigned = slots.assign(ids);
  const order = assigned.map(({ at }) => at).join(" ");
  useEffect(() => {
    const timer = setTimeout(() => {
      if (free() && slots.settle(assigned)) redraw(undefined);
    }, REST);
    return () => clearTimeout(timer);
  }, [order]);
  return assigned;
}
