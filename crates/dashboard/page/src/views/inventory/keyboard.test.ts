import { describe, expect, it } from "vitest";
import { actionOf, type Key, lead } from "./keyboard";

const key = (name: string, held: Partial<Key> = {}): Key => ({
  key: name,
  ctrlKey: false,
  metaKey: false,
  altKey: false,
  shiftKey: false,
  ...held,
});
const extent = { rows: 100, columns: 5, page: 20 };
const from = (name: string, row: number, column: number, held?: Partial<Key>) =>
  lead(actionOf(key(name, held)) ?? { kind: "clear" }, { row, column }, extent);

describe("keys in the table", () => {
  it("go from cell to cell and stop at the edges", () => {
    expect(from("ArrowDown", 0, 2)).toEqual({ row: 1, column: 2 });
    expect(from("ArrowDown", 99, 2)).toEqual({ row: 99, column: 2 });
    expect(from("ArrowUp", 0, 2)).toEqual({ row: -1, column: 2 });
    expect(from("ArrowLeft", 3, 0)).toEqual({ row: 3, column: 0 });
    expect(from("End", 3, 0)).toEqual({ row: 3, column: 4 });
    expect(from("End", 3, 0, { ctrlKey: true })).toEqual({ row: 99, column: 0 });
    expect(from("PageUp", 7, 1)).toEqual({ row: 0, column: 1 });
    expect(from("PageDown", 90, 1)).toEqual({ row: 99, column: 1 });
  });

  it("leave the browser its own", () => {
    expect(actionOf(key("c", { ctrlKey: true }))).toBeUndefined();
    expect(actionOf(key("ArrowLeft", { altKey: true }))).toBeUndefined();
    expect(actionOf(key("Tab"))).toBeUndefined();
  });

  it("start an edit with a digit, and do what they say", () => {
    expect(actionOf(key("7"))).toEqual({ kind: "type", text: "7" });
    expect(actionOf(key("-"))).toEqual({ kind: "step", by: -1 });
    expect(actionOf(key("Delete", { shiftKey: true }))).toEqual({ kind: "delete", asks: true });
    expect(actionOf(key("A", { ctrlKey: true }))).toEqual({ kind: "select_all" });
    expect(actionOf(key("ArrowDown", { shiftKey: true }))).toMatchObject({ selects: true });
  });
});
