// What a data source's form sends.

import { expect, test } from "vitest";
import { NEW_SOURCE, sourceBody } from "./source-draft";

test("what is pushed has no address, and CSV no pointer to its rows", () => {
  const body = sourceBody({ ...NEW_SOURCE, url: "https://left.example", rows: "/left", quantity: "count" });
  expect(body).toMatchObject({ url: null, interval_seconds: null, fresh_for_seconds: null, enabled: true });
  expect(body.mapping).toEqual({
    rows: null,
    item: { field: "sku", match: "sku", attribute: null },
    quantity: "count",
    price: null,
    price_factor: null,
    delimiter: null,
    decimal_comma: false,
  });
  expect("header" in body).toBe(false);
});

test("what is pulled has an address, a pace and its header", () => {
  const pulled = { ...NEW_SOURCE, kind: "pull", format: "json", url: " https://a.example/x " } as const;
  const body = sourceBody({ ...pulled, headerName: "Authorization", headerValue: "Bearer x", priority: "7" });
  expect(body).toMatchObject({ url: "https://a.example/x", interval_seconds: 300, timeout_seconds: 30, priority: 7 });
  expect(body.header).toEqual({ name: "Authorization", value: "Bearer x" });
  // Nothing said keeps the header that there is; null takes it away.
  expect("header" in sourceBody(pulled)).toBe(false);
  expect(sourceBody({ ...pulled, forgetHeader: true }).header).toBe(null);
});

test("what is no number is sent as it was typed", () => {
  expect(sourceBody({ ...NEW_SOURCE, priority: "first", fresh: { count: "x", unit: "day" } })).toMatchObject({
    priority: "first",
    fresh_for_seconds: "x",
  });
});
