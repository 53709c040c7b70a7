// What the keys do on a chart.

import { expect, test } from "vitest";
import { moveOf } from "./keys";

const SHOWN = { xs: [0, 10, 20, 30, 40], from: 5, to: 35, index: undefined };

test("arrows go from point to point, and stay within what is shown", () => {
  expect(moveOf("ArrowLeft", false, SHOWN)).toEqual({ kind: "point", index: 3 });
  expect(moveOf("ArrowRight", false, SHOWN)).toEqual({ kind: "point", index: 3 });
  expect(moveOf("ArrowLeft", false, { ...SHOWN, index: 2 })).toEqual({ kind: "point", index: 1 });
  expect(moveOf("ArrowLeft", false, { ...SHOWN, index: 1 })).toEqual({ kind: "point", index: 1 });
  expect(moveOf("End", false, SHOWN)).toEqual({ kind: "point", index: 3 });
  expect(moveOf("Home", false, SHOWN)).toEqual({ kind: "point", index: 1 });
});

test("where no point is shown, arrows do nothing", () => {
  expect(moveOf("ArrowLeft", false, { ...SHOWN, from: 41, to: 50 })).toBeUndefined();
  expect(moveOf("End", false, { ...SHOWN, xs: [] })).toBeUndefined();
});

test("zooming keeps the point that is read out where it is", () => {
  expect(moveOf("+", false, { ...SHOWN, index: 1 })).toEqual({ kind: "window", from: 7.5, to: 22.5 });
  expect(moveOf("-", false, SHOWN)).toEqual({ kind: "window", from: -10, to: 50 });
});

test("with Shift the stretch moves; 0 shows everything; other keys are the browser's", () => {
  expect(moveOf("ArrowRight", true, SHOWN)).toEqual({ kind: "window", from: 12.5, to: 42.5 });
  expect(moveOf("0", false, SHOWN)).toEqual({ kind: "reset" });
  expect(moveOf("Tab", false, SHOWN)).toBeUndefined();
});
