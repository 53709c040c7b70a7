// The form of a whole item: what was touched, what it was then, and what the item has become meanwhile. One instance for each
// dialog that is open.

import { computed, type ReadonlySignal, type Signal, signal } from "@preact/signals";
import { asProblem, type ApiProblem } from "../../api/client";
import type { Item } from "../../live/stock";
import {
  draftOf,
  type Field,
  fieldOfAttribute,
  FIELDS,
  isAttribute,
  read,
  textOf,
  type Value,
  valueIn,
} from "./fields";
import { type Conflict, conflicts, patchOf } from "./merging";
import { authorOf } from "./authors";
import { itemOf, follow } from "./model";
import { mistakeText, problemText } from "./saving";
import { createItem, currentOf, type NewItem, patchItem } from "./writing";

/** What a new attribute holds: an example of each kind. */
export const KINDS = { text: "", number: 0, yes_no: false, json: {} } as const;
export type Kind = keyof typeof KINDS;

const NEW: Partial<Item> = { name: "", quantity: 0, unit: "each", attributes: {} };
/** So often a save is tried again while others change other fields. */
const TRIES = 5;

export class ItemForm {
  private readonly texts: Signal<ReadonlyMap<Field, string>> = signal(new Map());
  /** What touched fields were when they were touched, or when the other value was seen and turned down. */
  private readonly bases: Signal<ReadonlyMap<Field, Value>> = signal(new Map());
  private readonly kinds = new Map<Field, Value>();
  /** The item as a refusal told it. */
  private readonly told: Signal<Item | undefined> = signal(undefined);

  readonly wrong: Signal<ReadonlyMap<string, string>> = signal(new Map());
  readonly busy = signal(false);
  readonly current: ReadonlySignal<Item | undefined>;
  readonly gone: ReadonlySignal<boolean>;
  readonly fields: ReadonlySignal<readonly Field[]>;
  readonly conflicts: ReadonlySignal<readonly Conflict[]>;

  constructor(private readonly item: Item | undefined) {
    this.current = computed(() => {
      follow();
      if (this.item === undefined) return undefined;
      const [live, told] = [itemOf(this.item.id), this.told.value];
      return told !== undefined && told.version > (live?.version ?? 0) ? told : (live ?? this.item);
    });
    this.gone = computed(() => (follow(), this.item !== undefined && itemOf(this.item.id) === undefined));
    this.fields = computed(() => {
      const names = Object.keys(this.current.value?.attributes ?? {}).map(fieldOfAttribute);
      const added = [...this.texts.value.keys()].filter(isAttribute);
      return [...FIELDS, ...new Set([...names, ...added])];
    });
    this.conflicts = computed(() => {
      const now = this.current.value;
      return now === undefined ? [] : conflicts(this.bases.value, now, this.wishes());
    });
  }

  text(field: Field): string {
    return this.texts.value.get(field) ?? draftOf(field, this.valueNow(field));
  }

  touched(field: Field): boolean {
    return this.texts.value.has(field);
  }

  get isTouched(): boolean {
    return this.texts.value.size > 0;
  }

  type(field: Field, text: string): void {
    if (!this.bases.peek().has(field)) this.bases.value = new Map(this.bases.peek()).set(field, this.valueNow(field));
    this.texts.value = new Map(this.texts.peek()).set(field, text);
    const wrong = new Map(this.wrong.peek());
    if (wrong.delete(field)) this.wrong.value = wrong;
  }

  addAttribute(name: string, kind: Kind): void {
    const field = fieldOfAttribute(name);
    this.kinds.set(field, KINDS[kind]);
    this.type(field, textOf(KINDS[kind]));
  }

  keepMine({ field, theirs }: Conflict): void {
    this.bases.value = new Map(this.bases.peek()).set(field, theirs);
  }

  takeTheirs({ field }: Conflict): void {
    const texts = new Map(this.texts.peek());
    texts.delete(field);
    this.texts.value = texts;
    const bases = new Map(this.bases.peek());
    bases.delete(field);
    this.bases.value = bases;
  }

  /** Saves. Says whether it is done. */
  async save(reason: string): Promise<Item | undefined> {
    if (!this.checked()) return undefined;
    this.busy.value = true;
    try {
      return this.item === undefined ? await createItem(this.newItem(), reason) : await this.write(reason);
    } catch (error) {
      this.refused(asProblem(error));
      return undefined;
    } finally {
      this.busy.value = false;
    }
  }

  private async write(reason: string): Promise<Item | undefined> {
    for (let tries = 1; ; tries += 1) {
      const now = this.current.peek();
      if (now === undefined || this.conflicts.peek().length > 0) return undefined;
      const patch = patchOf(now, this.wishes());
      if (Object.keys(patch).length === 0) return now;
      try {
        return await patchItem(now, patch, reason);
      } catch (error) {
        const problem = asProblem(error);
        const told = currentOf(problem);
        if (problem.status !== 412 || told === undefined || tries === TRIES) throw problem;
        this.told.value = told;
        // Shown anew once it is known who it was.
        void authorOf(told).then((actor) => {
          if (actor !== undefined && this.told.peek() === told) this.told.value = { ...told };
        });
      }
    }
  }

  private valueNow(field: Field): Value {
    return valueIn(this.current.peek() ?? NEW, field);
  }

  private before(field: Field): Value {
    return this.kinds.get(field) ?? this.valueNow(field);
  }

  /** What is wished, as far as it makes sense. */
  private wishes(): ReadonlyMap<Field, Value> {
    const wishes = new Map<Field, Value>();
    for (const [field, text] of this.texts.value) {
      const outcome = read(field, unsigned(field, text), this.before(field));
      if (outcome.kind === "value") wishes.set(field, outcome.value);
    }
    return wishes;
  }

  private checked(): boolean {
    const wrong = new Map<string, string>();
    for (const field of this.item === undefined ? FIELDS : []) this.check(field, this.text(field), wrong);
    for (const [field, text] of this.texts.peek()) this.check(field, text, wrong);
    this.wrong.value = wrong;
    return wrong.size === 0;
  }

  private check(field: Field, text: string, wrong: Map<string, string>): void {
    const outcome = read(field, unsigned(field, text), this.before(field));
    if (outcome.kind === "mistake") wrong.set(field, mistakeText(outcome.mistake));
    // Here a quantity is set, not adjusted.
    if (outcome.kind === "adjustment") wrong.set(field, mistakeText("needs_whole"));
  }

  private newItem(): NewItem {
    const empty = { ...NEW, name: "", sku: null, description: null, price: null, reorder_point: null } as Item;
    return { name: "", quantity: 0, unit: "each", ...patchOf(empty, this.wishes()) };
  }

  private refused(problem: ApiProblem): void {
    const wrong = new Map<string, string>();
    for (const { pointer, detail } of problem.errors) {
      const [, first = "", second] = pointer.split("/");
      const field = first === "attributes" && second !== undefined ? fieldOfAttribute(unescape(second)) : first;
      wrong.set(this.fields.peek().some((known) => known === field) ? field : "", detail);
    }
    if (problem.code === "duplicate_sku") wrong.set("sku", problemText(problem));
    if (wrong.size === 0) wrong.set("", problemText(problem));
    this.wrong.value = wrong;
  }
}

/** In a form, a sign in front of a quantity is no adjustment; `+5` is 5. */
function unsigned(field: Field, text: string): string {
  return field === "quantity" ? text.trim().replace(/^\+/, "") : text;
}

/** A part of a JSON pointer as the name that it stands for. */
function unescape(part: string): string {
  return part.replaceAll("~1", "/").replaceAll("~0", "~");
}
