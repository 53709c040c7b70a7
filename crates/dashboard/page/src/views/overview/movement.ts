// What was received and issued day by day: what the service answered, and the live changes behind it. All of it pure.

import { decimalText, tenThousandths } from "../../api/decimal";
import type { components } from "../../api/schema.gen";
import type { Item } from "../../live/stock";
import type { ChangeFrame } from "../../protocol/frames";

export type Movement = components["schemas"]["Movement"];
export type Day = components["schemas"]["MovementDay"];

/** What one change moved. */
export interface Moved {
  readonly position: number;
  readonly id: number;
  /** The day on which it was made, as the browser's clock has it: `2026-11-22`. */
  readonly date: string;
  readonly received: number;
  readonly issued: number;
  /** What that is worth, in ten thousandths. */
  readonly value: bigint;
}

const two = (number: number): string => String(number).padStart(2, "0");

export function dateOf(at: Date): string {
  return `${at.getFullYear()}-${two(at.getMonth() + 1)}-${two(at.getDate())}`;
}

/** A new item's quantity is received, a deleted one's issued; what it is worth goes by the price behind the change. */
export function movedBy(change: ChangeFrame<Item>): Moved {
  const { data, previous, type } = change;
  const after = data?.quantity ?? 0;
  const before = type === "create" ? 0 : (previous?.quantity ?? after);
  const price = data === null ? (previous?.price ?? null) : data.price;
  const by = after - before;
  return {
    position: change.position,
    id: change.id,
    date: dateOf(new Date(change.at)),
    received: Math.max(by, 0),
    issued: Math.max(-by, 0),
    value: price === null ? 0n : BigInt(Math.abs(by)) * tenThousandths(price),
  };
}

function dayAfter(date: string): string {
  const [year = 0, month = 1, day = 1] = date.split("-").map(Number);
  return dateOf(new Date(year, month - 1, day + 1));
}

function emptyDay(date: string): Day {
  return { date, received: 0, issued: 0, received_value: "0.0000", issued_value: "0.0000", changes: 0 };
}

/** The answer with the changes behind it. Days that have begun since take the place of the oldest ones. */
export function withMoved(answer: Movement, moved: readonly Moved[], today: string): Movement {
  const fresh = moved.filter((one) => one.position > answer.as_of.position);
  const days = [...answer.days];
  for (let last = days.at(-1); last !== undefined && last.date < today; last = days.at(-1)) {
    days.shift();
    days.push(emptyDay(dayAfter(last.date)));
  }
  const places = new Map(days.map((day, place) => [day.date, place]));
  const worth = days.map((day) => [tenThousandths(day.received_value), tenThousandths(day.issued_value)] as const);
  const busy = new Map(answer.busiest.map((item) => [item.item_id, { ...item }]));
  for (const one of fresh) {
    const item = busy.get(one.id);
    if (item !== undefined) {
      item.changes += 1;
      item.received += one.received;
      item.issued += one.issued;
    }
    const place = places.get(one.date);
    const day = place === undefined ? undefined : days[place];
    const value = place === undefined ? undefined : worth[place];
    if (place === undefined || day === undefined || value === undefined) continue;
    days[place] = {
      ...day,
      received: day.received + one.received,
      issued: day.issued + one.issued,
      changes: day.changes + 1,
    };
    worth[place] = [value[0] + (one.received > 0 ? one.value : 0n), value[1] + (one.issued > 0 ? one.value : 0n)];
  }
  const priced = days.map((day, place) => {
    const [received, issued] = worth[place] ?? [0n, 0n];
    return { ...day, received_value: decimalText(received), issued_value: decimalText(issued) };
  });
  const busiest = [...busy.values()].sort((one, other) => other.changes - one.changes || one.item_id - other.item_id);
  return { ...answer, days: priced, busiest };
}
