// The sign-in page: signs in, chooses a password with a one-time link, shows who is signed in, and notices when that
// ends. Everything that comes from a server or a visitor is shown as text, never as markup.

"use strict";

const part = (id) => document.getElementById(id);

/** The access token is replaced so many milliseconds before it ends. */
const REFRESH_BEFORE = 60_000;
/** The longest wait before the socket is tried again. */
const LONGEST_PAUSE = 30_000;

const ENDED = {
  other_device_login: "You are signed out here: you signed in on another device.",
  revoked: "You are signed out: this session was ended.",
  password_changed: "You are signed out: your password was changed.",
  expired: "You are signed out: the session was too old.",
};

/** The session that is shown: its CSRF token, timers and socket; null when nobody is signed in. */
let session = null;

/** The secret of a one-time link. It is out of the address bar before anything else happens. */
let link = takeLink();

function takeLink() {
  const secret = location.hash.slice(1);
  if (secret !== "") {
    history.replaceState(null, "", location.pathname + location.search);
  }
  return secret;
}

function tenant() {
  const name = new URLSearchParams(location.search).get("tenant");
  return name === null ? {} : { tenant: name };
}

/** The page of ours that sent the visitor here to sign in, if one did: an address elsewhere is none. */
function wayBack() {
  const next = new URLSearchParams(location.search).get("next") ?? "";
  if (!next.startsWith("/") || !URL.canParse(next, location.origin)) return null;
  const address = new URL(next, location.origin);
  return address.origin === location.origin ? address.href : null;
}

/** Asks the API. The answer has `ok`, `status` and the `body`, which is a problem document if something is wrong. */
async function ask(method, path, content) {
  const headers = {};
  if (content !== undefined) headers["Content-Type"] = "application/json";
  if (session !== null && method !== "GET") headers["X-CSRF-Token"] = session.csrf;
  try {
    const options = { method, headers, cache: "no-store", credentials: "same-origin", redirect: "error" };
    if (content !== undefined) options.body = JSON.stringify(content);
    const response = await fetch(path, options);
    const text = await response.text();
    let body = {};
    try { body = text === "" ? {} : JSON.parse(text); } catch { /* Not ours, but a proxy's. */ }
    return { ok: response.ok, status: response.status, retryAfter: response.headers.get("Retry-After"), body };
  } catch {
    return { ok: false, status: 0, retryAfter: null, body: { detail: "The service can't be reached." } };
  }
}

function whatIsWrong({ status, retryAfter, body }) {
  const errors = Array.isArray(body.errors) ? body.errors : [];
  const fields = errors.map((error) => `${String(error.pointer).slice(1)} ${error.detail}`);
  const said = fields.length > 0 ? `${fields.join(", ")}.` : body.detail ?? `The service answered with ${status}.`;
  return retryAfter === null ? said : `${said} Try again in ${retryAfter} s.`;
}

function notify(text) {
  part("notice").textContent = text;
  part("notice").hidden = text === "";
}

/** Shows one of the three parts of the page. */
function show(id, title, focus) {
  for (const other of ["sign-in", "choose", "signed-in"]) part(other).hidden = other !== id;
  document.title = `${title} · Stockwire`;
  part(focus).focus();
}

/** Runs what a form does, once at a time, and shows what is wrong. */
function onSubmit(form, act) {
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    const button = form.querySelector("button[type=submit]");
    button.disabled = true;
    notify("");
    const wrong = await act();
    button.disabled = false;
    if (wrong !== undefined) notify(wrong);
  });
}

onSubmit(part("sign-in"), async () => {
  const answer = await ask("POST", "/api/v1/sessions", {
    ...tenant(), email: part("email").value, password: part("password").value, cookies: true,
  });
  part("password").value = "";
  if (answer.ok) return begin();
  part("password").focus();
  return whatIsWrong(answer);
});

onSubmit(part("choose"), async () => {
  const password = part("new-password").value;
  if (password !== part("repeated").value) {
    part("repeated").focus();
    return "The two passwords are not the same.";
  }
  const answer = await ask("POST", "/api/v1/password", { link, password, cookies: true });
  const used = answer.ok || answer.status === 410;
  if (used) {
    link = "";
    for (const field of ["new-password", "repeated"]) part(field).value = "";
  }
  if (answer.ok) return begin();
  if (used) show("sign-in", "Sign in", "email");
  return whatIsWrong(answer);
});

part("forgotten").addEventListener("click", async () => {
  if (!part("email").reportValidity()) return;
  const answer = await ask("POST", "/api/v1/password-resets", { ...tenant(), email: part("email").value });
  notify(answer.ok ? answer.body.detail : whatIsWrong(answer));
});

part("sign-out").addEventListener("click", async () => {
  if (session === null) return;
  // The socket is told, too, and perhaps before the answer is here.
  session.leaves = true;
  const answer = await ask("DELETE", "/api/v1/sessions/current");
  if (answer.ok || answer.status === 401) return end("You are signed out.");
  if (session !== null) session.leaves = false;
  notify(whatIsWrong(answer));
});

/** Shows who is signed in, if somebody is: with the cookie of a sign-in before, or with the one that it can be renewed by. */
async function begin() {
  let me = await ask("GET", "/api/v1/me");
  if (me.status === 401) {
    const reason = me.body.logout_reason;
    if ((await ask("POST", "/api/v1/sessions/refresh")).ok) me = await ask("GET", "/api/v1/me");
    else if (reason !== undefined) notify(ENDED[reason] ?? "You are signed out.");
  }
  if (!me.ok || typeof me.body.login !== "string" || !me.body.login.startsWith("session:")) {
    show("sign-in", "Sign in", "email");
    return me.ok || me.status === 401 ? undefined : whatIsWrong(me);
  }
  const next = wayBack();
  if (next !== null) return location.replace(next);
  session = { csrf: me.body.csrf_token, timer: 0, pause: 1000, socket: null, leaves: false };
  part("greeting").textContent = `Signed in as ${me.body.name ?? me.body.actor}`;
  part("who").textContent = me.body.email ?? me.body.actor;
  part("permissions").textContent = me.body.permissions.join(", ");
  show("signed-in", "Signed in", "greeting");
  renewBefore(me.body.expires_at);
  connect();
}

/** Ends what is shown, and says why. */
function end(why) {
  if (session === null) return;
  const { timer, socket } = session;
  session = null;
  clearTimeout(timer);
  if (socket !== null) socket.close();
  notify(why);
  show("sign-in", "Sign in", "email");
}

function renewBefore(expiresAt) {
  const wait = Math.max(Date.parse(expiresAt) - Date.now() - REFRESH_BEFORE, 1000);
  const renewed = session;
  session.timer = setTimeout(async () => {
    const answer = await ask("POST", "/api/v1/sessions/refresh");
    if (session !== renewed) return;
    if (answer.ok) renewBefore(answer.body.expires_at);
    else if (answer.status === 401) end(ENDED[answer.body.logout_reason] ?? "You are signed out.");
    else renewBefore(new Date(Date.now() + REFRESH_BEFORE + 5000));
  }, wait);
}

/** Holds a socket for as long as the session goes on: it tells at once when that ends. */
function connect() {
  const ours = session;
  const socket = new WebSocket(`${location.origin.replace(/^http/, "ws")}/ws`, "stockwire.v1.json");
  ours.socket = socket;
  socket.onopen = () => { ours.pause = 1000; part("connection").textContent = "live"; };
  socket.onmessage = ({ data }) => {
    const frame = JSON.parse(data);
    if (frame.type !== "force_logout" || session !== ours) return;
    end(ours.leaves ? "You are signed out." : ENDED[frame.reason] ?? "You are signed out.");
  };
  socket.onclose = () => {
    if (session !== ours) return;
    part("connection").textContent = "none at the moment";
    setTimeout(async () => {
      if (session !== ours) return;
      // Without a socket, any request tells that a session has ended.
      const me = await ask("GET", "/api/v1/me");
      if (session !== ours) return;
      if (me.body.code === "session_ended") end(ENDED[me.body.logout_reason] ?? "You are signed out.");
      else connect();
    }, ours.pause * (0.5 + Math.random()));
    ours.pause = Math.min(ours.pause * 2, LONGEST_PAUSE);
  };
}

// A link that is pasted into the address of a page that is open loads nothing anew.
addEventListener("hashchange", () => { if (location.hash.length > 1) location.reload(); });

if (link !== "") show("choose", "Choose a password", "new-password");
else begin().then((wrong) => { if (wrong !== undefined) notify(wrong); });
