// The basic page: a table of live stock that can be edited in place. What comes from the service or from people is shown as
// text, never as markup. `live-items.js` is the protocol, `api.js` the requests, this file what is seen.

import { ask, whoAmI } from "./api.js";
import { LiveItems } from "./live-items.js";

const part = (id) => document.getElementById(id);

/** So many rows are drawn at once; whoever looks for another item searches, or asks for more. */
const WINDOW = 200;
/** What is shown is sorted and searched through this often at most, in milliseconds. */
const BREATH = 200;

const STATES = {
  connecting: "connecting", "catching up": "catching up", live: "live",
  reconnecting: "reconnecting: numbers may be old", "signed out": "signed out",
};

/** Rows that were drawn, by the id of their item: the row, its fields, and the last change that was seen. */
const rows = new Map();
const may = { stock: false, items: false };
let shown = WINDOW;
let planned = 0;

const live = new LiveItems({
  reset() { drawSoon(); },
  changed(frame) {
    const row = rows.get(frame.id);
    if (row !== undefined) row.change = frame;
    if (frame.type === "update" && row !== undefined) fill(row, frame.data);
    if (frame.type !== "update" || "name" in frame.previous || "sku" in frame.previous) drawSoon();
    if (row !== undefined && frame.type === "update") flash(row.element);
  },
  state(name) {
    part("state").textContent = STATES[name];
    part("state").dataset.state = name;
    part("rows").classList.toggle("stale", name === "reconnecting" || name === "signed out");
    if (name === "live") drawSoon();
  },
  ended(message) { signedOut(message); },
});

function notify(text) {
  part("notice").textContent = text;
  part("notice").hidden = text === "";
}

function signedOut(message) {
  notify(message);
  part("who").textContent = "";
  part("sign-in").hidden = false;
  part("add").hidden = true;
}

/** Draws the table soon, and once for everything that happens until then. */
function drawSoon() {
  if (planned === 0) planned = setTimeout(() => { planned = 0; draw(); }, BREATH);
}

function draw() {
  const sought = part("search").value.trim().toLowerCase();
  const matches = (item) => item.name.toLowerCase().includes(sought) || (item.sku ?? "").toLowerCase().includes(sought);
  const found = [...live.items.values()].filter((item) => sought === "" || matches(item));
  const order = new Intl.Collator(undefined, { numeric: true }).compare;
  found.sort((a, b) => order(a.name, b.name) || a.id - b.id);
  const visible = new Map(found.slice(0, shown).map((item) => [item.id, item]));
  for (const [id, row] of rows) {
    // Whoever is in the middle of something keeps the row.
    if (visible.has(id) || (row.element.contains(document.activeElement) && live.items.has(id))) continue;
    row.element.remove();
    rows.delete(id);
  }
  let next = part("rows").firstElementChild;
  for (const item of visible.values()) {
    const row = rows.get(item.id) ?? makeRow(item);
    fill(row, item);
    if (row.element === next) next = next.nextElementSibling;
    else part("rows").insertBefore(row.element, next);
  }
  part("count").textContent = live.state === "connecting" || live.state === "catching up"
    ? "Loading…" : `${Math.min(shown, found.length)} of ${found.length} items`;
  part("more").hidden = found.length <= shown;
}

function makeRow(item) {
  const element = part("row").content.cloneNode(true).querySelector("tr");
  const row = { id: item.id, element, item, change: null, fields: new Map(), conflict: null };
  rows.set(item.id, row);
  for (const input of element.querySelectorAll("[data-field]")) makeField(row, input);
  for (const button of element.querySelectorAll("[data-by]")) {
    button.disabled = !may.stock;
    button.addEventListener("click", () => adjust(row, Number(button.dataset.by)));
  }
  const remove = element.querySelector("[data-delete]");
  remove.disabled = !may.items;
  remove.addEventListener("click", () => removeItem(row));
  return row;
}

/** A value that can be edited. While somebody does, it stays what they typed, and remembers what they saw. */
function makeField(row, input) {
  const field = { input, seen: null };
  row.fields.set(input.dataset.field, field);
  input.readOnly = !(may.items || (may.stock && input.dataset.field === "quantity"));
  input.addEventListener("focus", () => { field.seen ??= row.item; });
  input.addEventListener("blur", () => {
    if (input.value === text(field.seen, input.dataset.field)) leave(row, field);
  });
  input.addEventListener("change", () => save(row, input.dataset.field));
  input.addEventListener("keydown", (event) => {
    if (event.key === "Enter") input.blur();
    if (event.key !== "Escape") return;
    field.seen = row.item;
    fill(row, row.item);
    input.value = text(row.item, input.dataset.field);
    input.blur();
  });
}

const text = (item, name) => String(item?.[name] ?? "");

function leave(row, field) {
  field.seen = null;
  fill(row, row.item);
}

function fill(row, item) {
  const { element } = row;
  row.item = item;
  for (const [name, { input, seen }] of row.fields) {
    if (seen === null) input.value = text(item, name);
    input.setAttribute("aria-label", `${name[0].toUpperCase()}${name.slice(1)} of ${item.name}`);
  }
  for (const button of element.querySelectorAll("[data-by]")) {
    button.setAttribute("aria-label", `${button.dataset.by > 0 ? "One more" : "One less"} of ${item.name}`);
  }
  element.querySelector("[data-delete]").setAttribute("aria-label", `Delete ${item.name}`);
  element.querySelector("[data-cell=sku]").textContent = item.sku ?? "";
  const when = new Date(item.updated_at).toLocaleString();
  element.querySelector("[data-cell=changed]").textContent = row.change === null ? when : `${when}, ${row.change.actor}`;
}

function flash(element) {
  element.classList.remove("flash");
  // Two changes in a row are two flashes: the style has to be computed in between.
  void element.offsetWidth;
  element.classList.add("flash");
}

/** What was typed, as the API wants it. */
function value(name, typed) {
  const trimmed = typed.trim();
  if (name === "quantity") return /^\d+$/.test(trimmed) ? Number(trimmed) : trimmed;
  return name === "price" && trimmed === "" ? null : trimmed;
}

/** Saves a field, if nobody has changed it since it was seen; else shows both values. */
async function save(row, name, seen = row.fields.get(name).seen ?? row.item) {
  const field = row.fields.get(name);
  const typed = field.input.value;
  row.conflict?.remove();
  notify("");
  try {
    const headers = { "If-Match": `"${seen.version}"` };
    row.item = newest(row.item, await ask("PATCH", `/api/v1/items/${row.id}`, { headers, body: { [name]: value(name, typed) } }));
    leave(row, field);
  } catch (problem) {
    const { current } = problem.document ?? {};
    if (problem.status !== 412 || !current) {
      notify(`${row.item.name}, ${name}: ${problem.message}`);
      return;
    }
    // Another field was changed: nobody's value is lost.
    if (text(current, name) === text(seen, name)) return save(row, name, current);
    showConflict(row, name, typed, current);
  }
}

const newest = (one, other) => (other.version > one.version ? other : one);

function showConflict(row, name, typed, current) {
  const field = row.fields.get(name);
  const box = document.createElement("div");
  const said = document.createElement("span");
  box.className = "conflict";
  box.setAttribute("role", "alert");
  const who = row.change?.version === current.version ? ` by ${row.change.actor}` : "";
  said.textContent = `Changed meanwhile to “${text(current, name)}”${who}. Yours: “${typed}”. `;
  box.append(said, button("Keep mine", () => {
    field.input.value = typed;
    return save(row, name, newest(current, row.item));
  }), button("Take theirs", () => {
    box.remove();
    row.item = newest(row.item, current);
    leave(row, field);
  }));
  field.input.parentElement.append(box);
  row.conflict = box;
}

function button(label, act) {
  const made = document.createElement("button");
  made.type = "button";
  made.textContent = label;
  made.addEventListener("click", act);
  return made;
}

/** Adds to a quantity, whatever it is: two people who take one each have taken two. */
async function adjust(row, by) {
  notify("");
  try {
    await ask("POST", `/api/v1/items/${row.id}/adjustments`, { body: { by } });
  } catch (problem) {
    notify(`${row.item.name}: ${problem.message}`);
  }
}

async function removeItem(row) {
  if (!confirm(`Delete ${row.item.name}?`)) return;
  notify("");
  try {
    await ask("DELETE", `/api/v1/items/${row.id}`, { headers: { "If-Match": `"${row.item.version}"` } });
  } catch (problem) {
    notify(problem.status === 412 ? `${row.item.name} was changed meanwhile, and is not deleted.` : `${row.item.name}: ${problem.message}`);
  }
}

part("add").addEventListener("submit", async (event) => {
  event.preventDefault();
  const form = event.target;
  notify("");
  const body = {};
  for (const [name, typed] of new FormData(form)) if (typed.trim() !== "") body[name] = value(name, typed);
  try {
    const item = await ask("POST", "/api/v1/items", { body });
    form.reset();
    form.elements.name.focus();
    part("count").textContent = `${item.name} was added.`;
  } catch (problem) {
    notify(problem.message);
  }
});

part("search").addEventListener("input", () => { shown = WINDOW; drawSoon(); });
part("more").addEventListener("click", () => { shown += WINDOW; draw(); });

try {
  const me = await whoAmI();
  for (const permission of Object.keys(may)) may[permission] = me.permissions.includes(permission);
  part("who").textContent = me.name ?? me.actor;
  part("sign-in").hidden = me.login !== null;
  part("add").hidden = !may.items;
  live.start();
} catch (problem) {
  if (problem.status === 401) location.replace(part("sign-in").href);
  else {
    notify(`${problem.message} Load the page again to try once more.`);
    part("state").textContent = "not connected";
  }
}
