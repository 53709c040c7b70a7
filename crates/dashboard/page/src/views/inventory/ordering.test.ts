import { describe, expect, it } from "vitest";
import type { Item } from "../../live/stock";
import type { Column } from "./columns";
import { Ordering } from "./ordering";
import { anItem } from "./samples";

const collator = new Intl.Collator("en", { numeric: true });
const by = (column: Column, descending = false) => ({
  column,
  descending,
  compare: (one: string, other: string) => collator.compare(one, other),
});
const put = (...items: readonly Item[]) => items.map((item) => [item.id, item] as const);

/** The same numbers on every run. */
function numbers(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (state * 1_103_515_245 + 12_345) % 2_147_483_648;
    return Math.floor((state / 2_147_483_648) * below);
  };
}

describe("the order", () => {
  it("is natural, with nothing last either way, and by id among equals", () => {
    const ordering = new Ordering(by("sku"), () => true);
    ordering.apply(
      put(
        anItem({ id: 1, sku: "A10" }),
        anItem({ id: 2, sku: null }),
        anItem({ id: 3, sku: "A9" }),
        anItem({ id: 4, sku: null }),
      ),
    );
    expect(ordering.ids()).toEqual([3, 1, 2, 4]);
    ordering.sortBy(by("sku", true));
    expect(ordering.ids()).toEqual([1, 3, 2, 4]);
  });

  it("of prices and values is exact", () => {
    const ordering = new Ordering(by("price"), () => true);
    ordering.apply(
      put(
        anItem({ id: 1, price: "999999999999999.9999" }),
        anItem({ id: 2, price: "999999999999999.9998" }),
        anItem({ id: 3, price: "9.0000" }),
      ),
    );
    expect(ordering.ids()).toEqual([3, 2, 1]);
  });

  it("says which rows moved, and which stayed where they were", () => {
    const ordering = new Ordering(by("quantity"), ({ quantity }) => quantity > 0);
    ordering.apply(
      put(anItem({ id: 1, quantity: 10 }), anItem({ id: 2, quantity: 20 }), anItem({ id: 3, quantity: 0 })),
    );
    expect(ordering.apply(put(anItem({ id: 1, quantity: 11 })))).toEqual([]);
    expect(ordering.apply(put(anItem({ id: 1, quantity: 30 })))).toEqual([1]);
    expect(ordering.apply(put(anItem({ id: 3, quantity: 0, name: "other" })))).toEqual([]);
    expect(ordering.apply([[2, undefined]])).toEqual([2]);
    expect(ordering.ids()).toEqual([1]);
    expect(ordering.known).toBe(2);
    expect(ordering.indexOf(1)).toBe(0);
    expect(ordering.indexOf(3)).toBe(-1);
  });

  it("after thousands of changes is the one that sorting anew would make, with the same totals", () => {
    const next = numbers(7);
    const random = (id: number): Item =>
      anItem({
        id,
        name: `n${next(40)}`,
        quantity: next(20),
        price: next(4) === 0 ? null : `${next(9)}.${String(next(10_000)).padStart(4, "0")}`,
        attributes: next(2) === 0 ? { size: next(9) } : { size: `x${next(9)}` },
      });
    const wanted = ({ quantity }: Item): boolean => quantity % 3 !== 0;
    for (const column of ["name", "price", "value", "attributes.size"] as const) {
      const ordering = new Ordering(by(column, true), wanted);
      const items = new Map<number, Item>();
      for (let round = 0; round < 3000; round += 1) {
        const id = 1 + next(300);
        const item = next(5) === 0 ? undefined : random(id);
        if (item === undefined) items.delete(id);
        else items.set(id, item);
        ordering.apply([[id, item]]);
      }
      const anew = new Ordering(by(column, true), wanted);
      anew.apply(put(...items.values()));
      expect(ordering.ids()).toEqual(anew.ids());
      expect(ordering.totals).toEqual(anew.totals);
      expect(ordering.ids().every((id, index) => ordering.indexOf(id) === index)).toBe(true);
    }
  });

  it("takes a whole snapshot at once", () => {
    const ordering = new Ordering(by("name"), () => true);
    ordering.apply(put(anItem({ id: 1, name: "z" }), anItem({ id: 2, name: "gone" })));
    const many = Array.from({ length: 2000 }, (_, index) => anItem({ id: index + 10, name: `n${index}` }));
    ordering.apply([...put(...many), [2, undefined]]);
    expect(ordering.size).toBe(2001);
    expect(ordering.at(0)?.name).toBe("n0");
    expect(ordering.at(2000)?.id).toBe(1);
  });
});
