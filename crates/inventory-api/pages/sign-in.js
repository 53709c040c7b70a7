// The sign-in page: signs in, chooses a password with a one-time link, and shows who is signed in already. Whoever is
// signed in goes on to where they wanted. Everything that comes from a server or a visitor is shown as text, never as markup.

"use strict";

const part = (id) => document.getElementById(id);

const TEXTS = {
  en: {
    tag: "en",
    sign_in: "Sign in",
    email: "E-mail address",
    password: "Password",
    forgotten: "Forgot the password?",
    choose: "Choose a password",
    rules: "10 to 256 characters, whatever they are: several words make a good one.",
    new_password: "New password",
    repeated: "The same once more",
    choose_and_sign_in: "Choose and sign in",
    signed_in: "You are signed in",
    signed_in_as: "Signed in as {}.",
    continue: "Continue",
    sign_out: "Sign out",
    language: "Language",
    differ: "The two passwords are not the same.",
    short: "The password must have at least 10 characters.",
    wrong_credentials: "Nobody has this e-mail address with this password.",
    link_expired: "The link was used, replaced by another one, or is too old. Ask an owner for another one; owners get theirs from stockwire owner, the command.",
    rate_limited: "That was tried too often.",
    unreachable: "The service can't be reached.",
    answered: "The service answered with {}.",
    wait: "Try again in {} s.",
    other_device_login: "You are signed out here: you signed in on another device.",
    revoked: "You are signed out: this session was ended.",
    password_changed: "You are signed out: your password was changed.",
    expired: "You are signed out: the session was too old.",
    signed_out: "You are signed out.",
  },
  zh: {
    tag: "zh-Hans",
    sign_in: "登录",
    email: "电子邮箱",
    password: "密码",
    forgotten: "忘记密码?",
    choose: "设置密码",
    rules: "10 至 256 个任意字符;由几个词组成的密码就很好。",
    new_password: "新密码",
    repeated: "再次输入",
    choose_and_sign_in: "设置并登录",
    signed_in: "您已登录",
    signed_in_as: "当前登录为 {}。",
    continue: "继续",
    sign_out: "退出登录",
    language: "语言",
    differ: "两次输入的密码不一致。",
    short: "密码至少需要 10 个字符。",
    wrong_credentials: "电子邮箱或密码不正确。",
    link_expired: "链接已使用、已被替换或已过期。请向所有者索取新链接;所有者可用命令 stockwire owner 获取。",
    rate_limited: "尝试次数过多。",
    unreachable: "无法连接到服务。",
    answered: "服务返回了 {}。",
    wait: "请在 {} 秒后重试。",
    other_device_login: "您已在另一台设备上登录,此处已退出。",
    revoked: "此会话已被结束,您已退出登录。",
    password_changed: "您的密码已更改,您已退出登录。",
    expired: "会话已过期,您已退出登录。",
    signed_out: "您已退出登录。",
  },
  ja: {
    tag: "ja",
    sign_in: "サインイン",
    email: "メールアドレス",
    password: "パスワード",
    forgotten: "パスワードをお忘れですか?",
    choose: "パスワードを設定",
    rules: "10 文字以上 256 文字以内。文字の種類は問いません。いくつかの単語を並べるとよいでしょう。",
    new_password: "新しいパスワード",
    repeated: "もう一度入力",
    choose_and_sign_in: "設定してサインイン",
    signed_in: "サインインしています",
    signed_in_as: "{} としてサインインしています。",
    continue: "続ける",
    sign_out: "サインアウト",
    language: "言語",
    differ: "2 つのパスワードが一致しません。",
    short: "パスワードは 10 文字以上必要です。",
    wrong_credentials: "メールアドレスまたはパスワードが違います。",
    link_expired: "このリンクは使用済みか、新しいものに替わったか、期限切れです。オーナーに新しいリンクを依頼してください。オーナー自身は stockwire owner コマンドで取得できます。",
    rate_limited: "試行回数が多すぎます。",
    unreachable: "サービスに接続できません。",
    answered: "サービスの応答: {}",
    wait: "{} 秒後にもう一度試してください。",
    other_device_login: "別の端末でサインインしたため、ここではサインアウトされました。",
    revoked: "このセッションは終了され、サインアウトされました。",
    password_changed: "パスワードが変更されたため、サインアウトされました。",
    expired: "セッションの有効期限が切れ、サインアウトされました。",
    signed_out: "サインアウトしました。",
  },
};

/** What is chosen here or in the dashboard is remembered, unless the browser keeps nothing. */
function stored(name) {
  try { return localStorage.getItem(name); } catch { return null; }
}

function store(storage, name, text) {
  try { storage().setItem(name, text); } catch { /* Then it is asked for again. */ }
}

/** What problems are called for which there is a text here. The API's own are in English. */
const OWN_PROBLEMS = ["wrong_credentials", "link_expired", "rate_limited"];

let texts = TEXTS.en;
let shown = "sign_in";
/** Who is signed in, and the session's CSRF token; undefined when nobody is. */
let name;
let csrf;

function text(key, value) {
  return texts[key].replace("{}", () => value);
}

function speak(language) {
  texts = TEXTS[language];
  document.documentElement.lang = texts.tag;
  for (const element of document.querySelectorAll("[data-text]")) element.textContent = text(element.dataset.text);
  document.title = `${text(shown)} · Stockwire`;
  part("language").value = language;
  tellWho();
}

function tellWho() {
  if (name !== undefined) part("who").textContent = text("signed_in_as", name);
}

function preferred() {
  const chosen = stored("stockwire.language");
  const wanted = [chosen, ...navigator.languages.map((tag) => tag.slice(0, 2))];
  return wanted.find((language) => language !== null && Object.hasOwn(TEXTS, language)) ?? "en";
}

/** The secret of a one-time link. It is out of the address bar before anything else happens. */
let link = takeLink();

function takeLink() {
  const secret = location.hash.slice(1);
  if (secret !== "") history.replaceState(null, "", location.pathname + location.search);
  return secret;
}

const query = new URLSearchParams(location.search);

/** Where to go after signing in: only a path of this origin. */
function next() {
  const wanted = query.get("next") ?? "";
  // Browsers take a backslash for a slash, and leave tabs and line ends out.
  return /^\/(?![/\\])[^\u0000-\u001f\u007f]*$/.test(wanted) ? wanted : "/";
}

/** Whoever signed in to a tenant in this tab goes on with it. */
function tenant() {
  let name = query.get("tenant");
  try { name ??= sessionStorage.getItem("stockwire.tenant"); } catch { /* Then it is the default one. */ }
  return name === null ? {} : { tenant: name };
}

/** Asks the API. The answer has `ok`, `status` and the `body`, which is a problem document if something is wrong. */
async function ask(method, path, content) {
  const headers = {};
  if (content !== undefined) headers["Content-Type"] = "application/json";
  if (csrf !== undefined && method !== "GET") headers["X-CSRF-Token"] = csrf;
  try {
    const options = { method, headers, cache: "no-store", credentials: "same-origin", redirect: "error" };
    if (content !== undefined) options.body = JSON.stringify(content);
    const response = await fetch(path, options);
    const said = await response.text();
    let body = {};
    try { body = said === "" ? {} : JSON.parse(said); } catch { /* Not ours, but a proxy's. */ }
    return { ok: response.ok, status: response.status, retryAfter: response.headers.get("Retry-After"), body };
  } catch {
    return { ok: false, status: 0, retryAfter: null, body: { detail: text("unreachable") } };
  }
}

function whatIsWrong({ status, retryAfter, body }) {
  const errors = Array.isArray(body.errors) ? body.errors : [];
  const fields = errors.map((error) => `${String(error.pointer).slice(1)} ${error.detail}`);
  const known = OWN_PROBLEMS.includes(body.code) ? text(body.code) : body.detail ?? text("answered", status);
  const said = fields.length > 0 ? `${fields.join(", ")}.` : known;
  return retryAfter === null ? said : `${said} ${text("wait", retryAfter)}`;
}

const whyEnded = (reason) => text(Object.hasOwn(TEXTS.en, reason) ? reason : "signed_out");

function notify(said) {
  part("notice").textContent = said;
  part("notice").hidden = said === "";
}

/** Shows one of the three parts of the page. */
function show(id, title, focus) {
  for (const other of ["sign-in", "choose", "signed-in"]) part(other).hidden = other !== id;
  shown = title;
  document.title = `${text(title)} · Stockwire`;
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

/** On to the page that was wanted, from which Back doesn't lead here. */
function goOn() {
  if (query.has("tenant")) store(() => sessionStorage, "stockwire.tenant", query.get("tenant"));
  location.replace(next());
}

onSubmit(part("sign-in"), async () => {
  const answer = await ask("POST", "/api/v1/sessions", {
    ...tenant(), email: part("email").value, password: part("password").value, cookies: true,
  });
  part("password").value = "";
  if (answer.ok) return goOn();
  part("password").focus();
  return whatIsWrong(answer);
});

onSubmit(part("choose"), async () => {
  const password = part("new-password").value;
  if (password !== part("repeated").value) {
    part("repeated").focus();
    return text("differ");
  }
  // The browser counts some characters twice.
  if ([...password].length < 10) return text("short");
  const answer = await ask("POST", "/api/v1/password", { link, password, cookies: true });
  const used = answer.ok || answer.status === 410;
  if (used) {
    link = "";
    for (const field of ["new-password", "repeated"]) part(field).value = "";
  }
  if (answer.ok) return goOn();
  if (used) show("sign-in", "sign_in", "email");
  return whatIsWrong(answer);
});

part("forgotten").addEventListener("click", async () => {
  if (!part("email").reportValidity()) return;
  const answer = await ask("POST", "/api/v1/password-resets", { ...tenant(), email: part("email").value });
  notify(answer.ok ? answer.body.detail : whatIsWrong(answer));
});

part("sign-out").addEventListener("click", async () => {
  const answer = await ask("DELETE", "/api/v1/sessions/current");
  if (!answer.ok && answer.status !== 401) return notify(whatIsWrong(answer));
  csrf = name = undefined;
  notify(text("signed_out"));
  show("sign-in", "sign_in", "email");
});

part("language").addEventListener("change", ({ target }) => {
  store(() => localStorage, "stockwire.language", target.value);
  speak(target.value);
  notify("");
});

/** Shows who is signed in, if somebody is: with the cookie of a sign-in before, or with the one that it can be renewed by. */
async function begin() {
  let me = await ask("GET", "/api/v1/me");
  if (me.status === 401) {
    const reason = me.body.logout_reason;
    if ((await ask("POST", "/api/v1/sessions/refresh")).ok) me = await ask("GET", "/api/v1/me");
    else if (reason !== undefined) notify(whyEnded(reason));
  }
  if (!me.ok || typeof me.body.login !== "string" || !me.body.login.startsWith("session:")) {
    show("sign-in", "sign_in", "email");
    return me.ok || me.status === 401 ? undefined : whatIsWrong(me);
  }
  csrf = me.body.csrf_token;
  name = me.body.email ? `${me.body.name} (${me.body.email})` : me.body.actor;
  tellWho();
  part("continue").href = next();
  show("signed-in", "signed_in", "continue");
}

// A link that is pasted into the address of a page that is open loads nothing anew.
addEventListener("hashchange", () => { if (location.hash.length > 1) location.reload(); });

const theme = stored("stockwire.theme");
if (theme === "light" || theme === "dark") document.documentElement.dataset.theme = theme;
speak(preferred());
if (link !== "") show("choose", "choose", "new-password");
else begin().then((wrong) => { if (wrong !== undefined) notify(wrong); });
