// The table of the inventory, as it is on the screen.

import type { Locator } from "playwright-core";
import type { Caller } from "./caller";
import type { Window } from "./window";

export interface Line {
  readonly id: number;
  readonly name: string;
  readonly sku: string;
  readonly quantity: number;
}

export function table(window: Window): Locator {
  return window.page.getByRole("grid", { name: "Inventory" });
}

export function cell(window: Window, id: number, column: string): Locator {
  return table(window).locator(`[data-id="${id}"] [data-place="${column}"]`);
}

/** What is written in the rows that are drawn, by id. */
export async function lines(window: Window): Promise<Line[]> {
  const found = await table(window).evaluate((grid) =>
    [...grid.querySelectorAll<HTMLElement>("[data-id]")].map((row) => {
      const text = (place: string): string => {
        const cell = row.querySelector(`[data-place="${place}"]`);
        return (cell?.querySelector(".content") ?? cell)?.textContent.trim() ?? "";
      };
      return { id: Number(row.dataset.id), name: text("name"), sku: text("sku"), quantity: text("quantity") };
    }),
  );
  return found
    .filter(({ id }) => id > 0)
    .map(({ quantity, ...line }) => ({ ...line, quantity: Number(quantity.replaceAll(",", "")) }))
    .sort((one, other) => one.id - other.id);
}

/** What REST says, in the same form. */
export async function wanted(program: Caller): Promise<Line[]> {
  return (await program.items())
    .map(({ id, name, sku, quantity }) => ({ id, name, sku: sku ?? "", quantity }))
    .sort((one, other) => one.id - other.id);
}
