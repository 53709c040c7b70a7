// Requests to the API from a page of its own, with the cookies of the sign-in page: the token that shows that they come from
// such a page, and a new access token when the one in the cookie has ended.

/** Who is asking, as /api/v1/me says; null until that is known. */
let me = null;

/** A problem document, or what looks like one if no answer came. */
export class Problem extends Error {
  constructor(status, document) {
    super(explain(status, document));
    Object.assign(this, { status, document, code: document.code ?? "" });
  }
}

function explain(status, { detail, errors }) {
  const fields = Array.isArray(errors) ? errors.map((error) => `${String(error.pointer).slice(1)} ${error.detail}`) : [];
  return fields.length > 0 ? `${fields.join(", ")}.` : detail ?? `The service answered with ${status}.`;
}

/** Learns who is asking. Throws a problem with the status 401 if nobody is signed in, and that is needed. */
export async function whoAmI() {
  me = await ask("GET", "/api/v1/me");
  return me;
}

/** Asks, and asks once more with a new access token if the old one has ended. Returns the JSON of the answer. */
export async function ask(method, path, { body, headers } = {}) {
  try {
    return await send(method, path, body, headers);
  } catch (problem) {
    if (problem.status !== 401 || problem.code === "session_ended") throw problem;
    try {
      await send("POST", "/api/v1/sessions/refresh");
    } catch (refused) {
      // There was no session to go on with: what was said first says more.
      throw refused.code === "session_ended" ? refused : problem;
    }
    return send(method, path, body, headers);
  }
}

async function send(method, path, body, more = {}) {
  const headers = { ...more };
  if (body !== undefined) headers["Content-Type"] ??= "application/json";
  if (method !== "GET" && me?.csrf_token) headers["X-CSRF-Token"] = me.csrf_token;
  let response;
  try {
    const content = body === undefined ? undefined : JSON.stringify(body);
    response = await fetch(path, { method, headers, body: content, credentials: "same-origin", cache: "no-store" });
  } catch {
    throw new Problem(0, { detail: "The service can't be reached." });
  }
  const text = await response.text();
  let answer = {};
  try { answer = text === "" ? {} : JSON.parse(text); } catch { /* Not ours, but a proxy's. */ }
  if (!response.ok) throw new Problem(response.status, answer);
  return answer;
}
