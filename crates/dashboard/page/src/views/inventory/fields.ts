// The fields of an item as things that are shown, sorted by and edited: which there are, how a typed text becomes a value,
// and how a value is written in an editor. A key such as `attributes.colour` names one of the integrator's own fields.

import type { Item } from "../../live/stock";
import { plainNumber } from "./amounts";
import { isRounded } from "./raw";

export const FIELDS = ["name", "sku", "description", "quantity", "unit", "price", "reorder_point"] as const;
export type OwnField = (typeof FIELDS)[number];
export type AttributeField = `attributes.${string}`;
export type Field = OwnField | AttributeField;
/** What a field can hold. */
export type Value = unknown;

const ATTRIBUTE = "attributes.";

export function isAttribute(field: string): field is AttributeField {
  return field.startsWith(ATTRIBUTE);
}

/** The name of the attribute that the field is. */
export function attributeOf(field: AttributeField): string {
  return field.slice(ATTRIBUTE.length);
}

export function fieldOfAttribute(name: string): AttributeField {
  return `${ATTRIBUTE}${name}`;
}

/** What the item holds; `null` if it holds nothing. */
export function valueIn(item: Partial<Item>, field: Field): Value {
  if (!isAttribute(field)) return item[field] ?? null;
  const attributes: Record<string, unknown> = item.attributes ?? {};
  const name = attributeOf(field);
  return Object.hasOwn(attributes, name) ? (attributes[name] ?? null) : null;
}

/** Whether two values are the same; those of attributes may be whole documents. */
export function sameValue(one: Value, other: Value): boolean {
  if (one === other) return true;
  if (typeof one !== "object" || typeof other !== "object" || one === null || other === null) return false;
  if (Array.isArray(one) !== Array.isArray(other)) return false;
  const [left, right] = [one as Record<string, unknown>, other as Record<string, unknown>];
  const keys = Object.keys(left);
  return (
    keys.length === Object.keys(right).length &&
    keys.every((key) => Object.hasOwn(right, key) && sameValue(left[key], right[key]))
  );
}

/** A value as an editor shows it. */
export function textOf(value: Value): string {
  if (value === null || value === undefined) return "";
  if (typeof value === "string") return value;
  return JSON.stringify(value);
}

/** A price as an editor shows it: without needless places. */
export function draftOf(field: Field, value: Value): string {
  return field === "price" && typeof value === "string" ? value.replace(/\.?0+$/, "") : textOf(value);
}

/** What is wrong with a typed text, before anybody is asked. */
export type Mistake = "needs_name" | "needs_unit" | "needs_whole" | "needs_price" | "needs_json" | "needs_fewer";
export type Typed =
  | { readonly kind: "value"; readonly value: Value }
  | { readonly kind: "adjustment"; readonly by: number }
  | { readonly kind: "mistake"; readonly mistake: Mistake };

const value = (value: Value): Typed => ({ kind: "value", value });
const mistake = (mistake: Mistake): Typed => ({ kind: "mistake", mistake });

/** What a typed text means for a field that holds `before`. */
export function read(field: Field, text: string, before: Value): Typed {
  const trimmed = text.trim();
  switch (field) {
    case "name":
      return trimmed === "" ? mistake("needs_name") : value(trimmed);
    case "unit":
      return trimmed === "" ? mistake("needs_unit") : value(trimmed);
    case "sku":
    case "description":
      return value(trimmed === "" ? null : trimmed);
    case "quantity":
      return quantity(trimmed);
    case "reorder_point":
      return trimmed === "" ? value(null) : wholeFrom(trimmed);
    case "price":
      return trimmed === "" ? value(null) : price(trimmed);
    default:
      return attribute(trimmed, before);
  }
}

function wholeFrom(text: string): Typed {
  const number = Number(plainNumber(text) ?? Number.NaN);
  return Number.isSafeInteger(number) && number >= 0 ? value(number) : mistake("needs_whole");
}

/** `+5` and `-3` add and take, whatever the quantity has become meanwhile. */
function quantity(text: string): Typed {
  const plain = plainNumber(text);
  if (plain === undefined || !/^[+-]/.test(plain)) return wholeFrom(text);
  const by = Number(plain);
  return Number.isSafeInteger(by) && by !== 0 ? { kind: "adjustment", by } : mistake("needs_whole");
}

function price(text: string): Typed {
  const plain = plainNumber(text);
  const [, whole, fraction = ""] = /^(\d{1,15})(?:\.(\d{1,4}))?$/.exec(plain ?? "") ?? [];
  if (whole === undefined) return mistake("needs_price");
  return value(`${whole.replace(/^0+(?=\d)/, "")}.${fraction.padEnd(4, "0")}`);
}

/** An attribute keeps its kind: what was a number stays one as long as a number is typed. Empty takes it away. */
function attribute(text: string, before: Value): Typed {
  if (text === "") return value(null);
  if (typeof before === "number") {
    const plain = plainNumber(text);
    if (plain === undefined) return value(text);
    return isRounded(Number(plain)) ? mistake("needs_fewer") : value(Number(plain));
  }
  if (typeof before === "boolean") return value(text === "true" ? true : text === "false" ? false : text);
  if (typeof before !== "object" || before === null) return value(text);
  try {
    const parsed: unknown = JSON.parse(text);
    return isRounded(parsed) ? mistake("needs_fewer") : value(parsed);
  } catch {
    return mistake("needs_json");
  }
}
