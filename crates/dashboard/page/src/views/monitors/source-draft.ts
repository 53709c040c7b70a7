// A data source as a form has it, and what is sent of it. Pure.

import type { components } from "../../api/schema.gen";
import { secondsOf, type Span, spanOf } from "./draft";

export type Source = components["schemas"]["Source"];
export type NewSource = components["schemas"]["NewSource"];

export interface SourceDraft {
  readonly name: string;
  readonly kind: Source["kind"];
  readonly format: Source["format"];
  readonly url: string;
  readonly interval: Span;
  readonly timeout: string;
  readonly headerName: string;
  readonly headerValue: string;
  /** The header that there is shall not be sent any more. */
  readonly forgetHeader: boolean;
  readonly rows: string;
  readonly field: string;
  readonly match: components["schemas"]["ItemMatch"];
  readonly attribute: string;
  readonly quantity: string;
  readonly price: string;
  readonly factor: string;
  readonly delimiter: string;
  readonly decimalComma: boolean;
  readonly maxChange: string;
  readonly priority: string;
  /** Without a number: what is usual. */
  readonly fresh: Span;
  readonly enabled: boolean;
}

export const NEW_SOURCE: SourceDraft = {
  name: "",
  kind: "push",
  format: "csv",
  url: "",
  interval: { count: "5", unit: "minute" },
  timeout: "30",
  headerName: "",
  headerValue: "",
  forgetHeader: false,
  rows: "",
  field: "sku",
  match: "sku",
  attribute: "",
  quantity: "",
  price: "",
  factor: "",
  delimiter: "",
  decimalComma: false,
  maxChange: "",
  priority: "100",
  fresh: { count: "", unit: "hour" },
  // Nothing comes of it before somebody pushes; one that is pulled is looked at first.
  enabled: true,
};

export function sourceDraftOf(source: Source): SourceDraft {
  const { mapping } = source;
  return {
    ...NEW_SOURCE,
    name: source.name,
    kind: source.kind,
    format: source.format,
    url: source.url ?? "",
    interval: source.interval_seconds == null ? NEW_SOURCE.interval : spanOf(source.interval_seconds),
    timeout: String(source.timeout_seconds),
    rows: mapping.rows ?? "",
    field: mapping.item.field ?? "",
    match: mapping.item.match,
    attribute: mapping.item.attribute ?? "",
    quantity: mapping.quantity ?? "",
    price: mapping.price ?? "",
    factor: mapping.price_factor ?? "",
    delimiter: mapping.delimiter ?? "",
    decimalComma: mapping.decimal_comma,
    maxChange: source.max_change_percent ?? "",
    priority: String(source.priority),
    fresh: source.fresh_for_seconds === undefined ? NEW_SOURCE.fresh : spanOf(source.fresh_for_seconds),
    enabled: source.enabled,
  };
}

const said = (text: string): string | null => (text === "" ? null : text);

/** A number; what is none is sent as it is, so that the service says what is wrong. Nothing is nothing. */
function numberOf(text: string): number | string | null {
  const typed = text.trim();
  return typed === "" ? null : /^\d+$/.test(typed) ? Number(typed) : typed;
}

/** What is sent, for a new one and for a change: null is what there is none of. The kind decides what there can be. */
export function sourceBody(draft: SourceDraft): NewSource {
  const isPulled = draft.kind === "pull";
  const isCsv = draft.format === "csv";
  const { headerName: name, headerValue: value } = draft;
  const header = name !== "" || value !== "" ? { name, value } : null;
  const withHeader = isPulled && (header !== null || draft.forgetHeader);
  return {
    name: draft.name,
    kind: draft.kind,
    format: draft.format,
    url: isPulled ? said(draft.url.trim()) : null,
    interval_seconds: isPulled ? secondsOf(draft.interval) : null,
    timeout_seconds: numberOf(draft.timeout),
    mapping: {
      rows: isCsv ? null : said(draft.rows),
      item: {
        field: said(draft.field),
        match: draft.match,
        attribute: draft.match === "attribute" ? said(draft.attribute) : null,
      },
      quantity: said(draft.quantity),
      price: said(draft.price),
      price_factor: said(draft.factor.trim()),
      delimiter: isCsv ? said(draft.delimiter) : null,
      decimal_comma: isCsv && draft.decimalComma,
    },
    max_change_percent: said(draft.maxChange.trim()),
    priority: numberOf(draft.priority),
    fresh_for_seconds: draft.fresh.count.trim() === "" ? null : (secondsOf(draft.fresh) ?? draft.fresh.count),
    enabled: draft.enabled,
    ...(withHeader && { header }),
  } as NewSource;
}
