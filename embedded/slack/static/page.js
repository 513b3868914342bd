"use strict";

const { channel, user } = document.body.dataset;
const log = document.getElementById("log");
const empty = document.getElementById("empty");
const offline = document.getElementById("offline");
const confirmation = document.getElementById("confirm");
const modal = document.getElementById("modal");
const EVERY_MS = 700;
let version = -1;

async function post(path, body) {
  const response = await fetch(path, {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify({ user, ...body }),
  });
  if (!response.ok) throw new Error(`${path} answered ${response.status}`);
  return response.json();
}

/* Times are written by the server in UTC and shown in the reader's own zone. */
function localTimes(within) {
  for (const time of within.querySelectorAll("time")) {
    const at = new Date(time.dateTime);
    const today = at.toDateString() === new Date().toDateString();
    const clock = { hour: "2-digit", minute: "2-digit" };
    time.textContent = at.toLocaleString([], today ? clock : { day: "numeric", month: "short", ...clock });
    time.title = at.toLocaleString();
  }
}

function entry(key) {
  return log.querySelector(`.entry[data-key="${CSS.escape(key)}"]`);
}

function drawn(message) {
  const div = document.createElement("div");
  div.className = "entry";
  div.dataset.key = message.key;
  div.dataset.digest = message.digest;
  div.innerHTML = message.html;
  localTimes(div);
  return div;
}

/* Who stood on a button of the entry stays there, or beside it where the button is gone. */
function keepFocus(old, fresh) {
  const held = old.contains(document.activeElement) && document.activeElement;
  if (!held) return;
  const same = held.dataset.action && fresh.querySelector(`[data-action="${CSS.escape(held.dataset.action)}"]`);
  fresh.tabIndex = -1;
  (same || fresh).focus({ preventScroll: true });
}

/* Only entries that changed are replaced, so that focus, dialogs and screen readers stay where they are. */
function show(messages) {
  const atEnd = log.scrollHeight - log.scrollTop - log.clientHeight < 80;
  const keys = new Set(messages.map((message) => message.key));
  for (const old of log.querySelectorAll(".entry")) if (!keys.has(old.dataset.key)) old.remove();
  let before = empty;
  for (const message of messages) {
    const old = entry(message.key);
    if (!old) before.after(drawn(message));
    else if (old.dataset.digest !== message.digest) {
      const fresh = drawn(message);
      const thread = old.querySelector("details");
      if (thread && !thread.open) fresh.querySelector("details")?.removeAttribute("open");
      old.after(fresh);
      keepFocus(old, fresh);
      old.remove();
    }
    before = entry(message.key);
  }
  empty.hidden = messages.length > 0;
  if (atEnd) log.scrollTop = log.scrollHeight;
}

function showView(view) {
  if (!view) {
    if (modal.open) modal.close();
    return;
  }
  const now = `${view.id} ${view.hash}`;
  if (modal.dataset.now !== now || !modal.open) {
    modal.dataset.now = now;
    modal.innerHTML = view.html;
    if (!modal.open) modal.showModal();
  }
}

async function refresh() {
  try {
    const response = await fetch(`/page/channels/${channel}?as=${encodeURIComponent(user)}&version=${version}`);
    if (response.status === 200) {
      const seen = await response.json();
      version = seen.version;
      show(seen.messages);
      showView(seen.view);
    }
    offline.hidden = response.ok;
  } catch {
    offline.hidden = false;
    version = -1;
  }
}

async function poll() {
  if (!document.hidden) await refresh();
  setTimeout(poll, EVERY_MS);
}

function confirmed(question) {
  document.getElementById("confirm-title").textContent = question.dataset.title;
  document.getElementById("confirm-text").replaceChildren(question.content.cloneNode(true));
  document.getElementById("confirm-deny").textContent = question.dataset.no;
  const yes = document.getElementById("confirm-yes");
  yes.textContent = question.dataset.yes;
  yes.className = `button ${question.dataset.style}`;
  confirmation.returnValue = "";
  confirmation.showModal();
  return new Promise((done) => {
    confirmation.addEventListener("close", () => done(confirmation.returnValue === "confirm"), { once: true });
  });
}

function complain(button) {
  const warning = document.createElement("span");
  warning.className = "failed";
  warning.setAttribute("role", "alert");
  warning.textContent = "⚠ The app did not answer. Try again.";
  button.closest(".press").append(warning);
}

/* A link opens at once, or once it is confirmed; the app hears of it as of any button. */
async function press(button, event) {
  if (button.getAttribute("aria-busy") === "true") return;
  const ts = button.closest("[data-ts]").dataset.ts;
  const { action: action_id, block: block_id } = button.dataset;
  const question = button.closest(".press").querySelector("template");
  if (question) {
    event.preventDefault();
    if (!(await confirmed(question))) return;
    if (button.href) window.open(button.href, "_blank", "noopener,noreferrer");
  }
  button.closest(".press").querySelector(".failed")?.remove();
  button.setAttribute("aria-busy", "true");
  try {
    const { acknowledged } = await post("/page/click", { channel, ts, action_id, block_id });
    if (!acknowledged) complain(button);
  } catch {
    complain(button);
  } finally {
    button.removeAttribute("aria-busy");
    refresh();
  }
}

function answers(form) {
  const values = {};
  for (const field of form.querySelectorAll("[data-input]")) {
    const control = field.querySelector("input, textarea, select");
    const { input, element, type } = field.dataset;
    const chosen = control.value || null;
    const said = { type };
    if (type === "static_select") {
      const text = control.selectedOptions[0]?.textContent;
      said.selected_option = chosen && { text: { type: "plain_text", text, emoji: true }, value: chosen };
    } else said.value = chosen;
    values[input] = { [element]: said };
  }
  return values;
}

function mark(form, errors) {
  for (const field of form.querySelectorAll("[data-input]")) {
    const wrong = errors[field.dataset.input];
    field.classList.toggle("wrong", Boolean(wrong));
    field.querySelector("input, textarea, select").setAttribute("aria-invalid", String(Boolean(wrong)));
    field.querySelector(".wrong-because").textContent = wrong ?? "";
  }
  form.querySelector(".wrong :is(input, textarea, select)")?.focus();
}

function missing(form) {
  const errors = {};
  for (const control of form.querySelectorAll("[required]"))
    if (!control.value.trim()) errors[control.closest("[data-input]").dataset.input] = "Please complete this required field.";
  return errors;
}

async function submit(form) {
  const send = form.querySelector('[type="submit"]');
  if (send.getAttribute("aria-busy") === "true") return;
  const errors = missing(form);
  mark(form, errors);
  if (Object.keys(errors).length) return;
  const failed = form.querySelector(".failed");
  failed.hidden = true;
  send.setAttribute("aria-busy", "true");
  try {
    const answer = await post("/page/submit", { view_id: form.dataset.view, values: answers(form) });
    failed.hidden = answer.acknowledged;
    mark(form, answer.errors);
  } catch {
    failed.hidden = false;
  } finally {
    send.removeAttribute("aria-busy");
  }
  refresh();
}

async function sendCommand(form) {
  const send = form.querySelector('[type="submit"]');
  if (send.getAttribute("aria-busy") === "true") return;
  const failed = form.querySelector(".failed");
  failed.hidden = true;
  send.setAttribute("aria-busy", "true");
  try {
    const { acknowledged } = await post("/page/command", { channel, text: form.elements.text.value });
    failed.hidden = acknowledged;
    if (acknowledged) form.reset();
  } catch {
    failed.hidden = false;
  } finally {
    send.removeAttribute("aria-busy");
    refresh();
  }
}

async function closeView() {
  await post("/page/close", { view_id: modal.querySelector("form").dataset.view });
  refresh();
}

document.addEventListener("click", (event) => {
  const button = event.target.closest("[data-action]");
  if (button) press(button, event);
  else if (event.target.closest("[data-dismiss]")) {
    const { ts } = event.target.closest("[data-ts]").dataset;
    post("/page/dismiss", { ts }).then(refresh);
  } else if (event.target.closest("[data-close]")) closeView();
});
modal.addEventListener("submit", (event) => {
  event.preventDefault();
  submit(event.target);
});
modal.addEventListener("cancel", (event) => {
  event.preventDefault();
  closeView();
});
document.getElementById("command")?.addEventListener("submit", (event) => {
  event.preventDefault();
  sendCommand(event.target);
});
document.getElementById("actor").addEventListener("change", (event) => event.target.form.submit());

localTimes(document);
log.scrollTop = log.scrollHeight;
poll();
