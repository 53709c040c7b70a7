// Which notifications about an item are shown.

import { expect, test } from "vitest";
import type { Notification } from "../../live/stock";
import { newest } from "./notifications";

const one = (id: number, version: number): Notification => ({ id, version, message: `v${version}` }) as Notification;

test("each notification is there once, as it is now, the newest first", () => {
  const found = newest([one(3, 2), one(1, 1)], [one(4, 1), one(3, 1), one(1, 2)], 3);
  expect(found.map(({ id, version }) => [id, version])).toEqual([
    [4, 1],
    [3, 2],
    [1, 2],
  ]);
});

test("no more are shown than there is room for", () => {
  expect(newest([one(1, 1), one(2, 1)], [one(3, 1)], 2).map(({ id }) => id)).toEqual([3, 2]);
});
