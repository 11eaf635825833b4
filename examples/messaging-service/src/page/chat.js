// One customer's chat: follows the events, shows what comes, posts what the customer does.

import { element, Parts } from "./content.js";

const TYPING_AGAIN = 4_000;
const LOOK_AGAIN = 2_000;
const NEAR_THE_END = 160;

const page = Object.fromEntries([...document.querySelectorAll("[id]")].map((part) => [part.id, part]));
const clock = new Intl.DateTimeFormat(undefined, { hour: "numeric", minute: "2-digit" });
const customer = new URLSearchParams(location.search).get("customer");
const shown = new Map(); // each entry's key: its element and its position
let canAnswer = false;
let stream;
let agent = "";
let typingEnds;
let saidTyping = -Infinity;

if (customer) {
  openChat();
} else {
  page.chooser.hidden = false;
  chooseCustomer();
}

// --- which customer ---

async function chooseCustomer() {
  try {
    const customers = await (await fetch("/customers")).json();
    page.status.textContent = "As the customer sees it";
    page.empty.hidden = customers.length > 0;
    const links = customers.map(({ customer: name, last }) =>
      element("li", {}, element("a", { href: `/?customer=${encodeURIComponent(name)}` },
        element("span", { class: "avatar", "aria-hidden": "true" }, initial(name)),
        element("span", { class: "name", dir: "auto" }, name),
        element("span", { class: "last", dir: "auto" }, last ?? ""))));
    // The list is replaced only if it changed, so that a focused link keeps the focus.
    if (links.map((item) => item.textContent).join("\n") !== [...page.customers.children].map((item) => item.textContent).join("\n")) {
      page.customers.replaceChildren(...links);
    }
  } catch {
    page.status.textContent = "The messaging service does not answer.";
  }
  setTimeout(chooseCustomer, LOOK_AGAIN);
}

// --- events ---

function openChat() {
  document.title = `Chat of ${customer}`;
  page.title.textContent = "Chat";
  page.back.hidden = page.avatar.hidden = page.chat.hidden = false;
  page.composer.addEventListener("submit", submit);
  page.text.addEventListener("keydown", enterSends);
  page.text.addEventListener("input", typed);
  allowAnswers();
  follow();
  // A browser opens at most six connections to a server. A hidden page closes its stream and catches up when it is shown.
  document.addEventListener("visibilitychange", () => {
    if (document.hidden) stream?.close();
    else follow();
  });
}

// The browser reconnects by itself and asks for what it missed. If it gives up, the stream is reopened from the
// beginning; entries that are already shown stay.
function follow() {
  stream?.close();
  const events = (stream = new EventSource(`${path()}/events`));
  events.addEventListener("open", () => (page.status.textContent = `You are ${customer}`));
  events.addEventListener("settings", ({ data }) => {
    canAnswer = JSON.parse(data).canAnswer;
    page.hint.textContent = canAnswer ? "" : "You can read along. To answer, the service needs INBOUND_URL and CALLER_SECRET.";
    allowAnswers();
  });
  events.addEventListener("message", ({ data }) => show(JSON.parse(data)));
  events.addEventListener("error", () => {
    page.status.textContent = "Connecting again…";
    if (events.readyState === EventSource.CLOSED && events === stream && !document.hidden) setTimeout(follow, LOOK_AGAIN);
  });
}

function show(entry) {
  if (entry.kind === "typing") {
    showTyping(entry.until - Date.now());
    return;
  }
  const atTheEnd = page.log.scrollHeight - page.log.scrollTop - page.log.clientHeight < NEAR_THE_END;
  const item = { message: theirs, own, receipt, event: happening }[entry.kind](entry);
  item.dataset.key = entry.key;
  place(entry, item);
  if (entry.kind === "own") markChosen(entry);
  if (atTheEnd || entry.kind === "own") toTheEnd();
}

// In place of its earlier state, or where its position wants it.
function place(entry, item) {
  for (const button of item.querySelectorAll("button")) button.disabled = !canAnswer;
  const before = shown.get(entry.key);
  if (before) {
    const hadFocus = before.item.contains(document.activeElement);
    before.item.replaceWith(item);
    if (hadFocus) page.text.focus();
  } else {
    const later = [...shown.values()].filter(({ position }) => position > entry.position).sort((a, b) => a.position - b.position);
    page.entries.insertBefore(item, later[0]?.item ?? null);
  }
  shown.set(entry.key, { item, position: entry.position, kind: entry.kind });
}

function theirs(message) {
  if (message.nickname && message.nickname !== agent) {
    agent = String(message.nickname);
    page.title.textContent = agent;
    page.avatar.textContent = initial(agent);
  }
  showTyping(0);
  const item = element("li", { class: "theirs" }, element("span", { class: "unseen" }, `${agent || "Agent"}: `));
  item.append(...new Parts(message, respond).elements(), time(message.time));
  item.dataset.messageId = String(message.messageId ?? "");
  for (const picture of item.querySelectorAll("img")) picture.addEventListener("load", keepTheEnd());
  return item;
}

function own(message) {
  const words = {
    sending: "Sending…",
    sent: "✓ Sent",
    published: "✓✓ Delivered",
    unsent: `Not sent: ${message.reason}`,
    failed: `Failed: ${message.reason || "no reason was given"}`,
  };
  const item = element("li", { class: "own" },
    element("span", { class: "unseen" }, "You: "),
    element("div", { class: "bubble", dir: "auto" }, String(message.text ?? "")),
    element("p", { class: "state", dir: "auto" }, time(message.time), " ", words[message.state]));
  item.dataset.state = message.state;
  if (message.state === "unsent") {
    const again = element("button", { type: "button", class: "retry" }, "Try again");
    again.addEventListener("click", () => post("retries", { messageId: message.messageId }));
    item.append(again);
  }
  return item;
}

function receipt({ status, reason }) {
  const words = [status || "unknown", reason].filter(Boolean).join(": ");
  return element("li", { class: "receipt" }, element("p", { class: "note", dir: "auto" }, `Receipt for an earlier message · ${words}`));
}

// What happened to the conversation.
function happening({ words, time: at }) {
  showTyping(0);
  return element("li", { class: "event" }, element("p", { class: "note" }, `${words} `, time(at)));
}

// The answer that was chosen shows as chosen.
function markChosen({ originatingMessageId, text, payload }) {
  if (!originatingMessageId) return;
  for (const { item } of shown.values()) {
    if (item.dataset.messageId !== originatingMessageId) continue;
    for (const button of item.querySelectorAll(".choice")) {
      button.setAttribute("aria-pressed", String(button.textContent === text && button.dataset.payload === payload));
    }
  }
}

function showTyping(milliseconds) {
  clearTimeout(typingEnds);
  page.typing.hidden = milliseconds <= 0;
  page.typist.textContent = milliseconds <= 0 ? "" : `${agent || "The agent"} is typing`;
  if (milliseconds > 0) {
    typingEnds = setTimeout(showTyping, Math.min(milliseconds, 2 ** 31 - 1), 0);
    keepTheEnd()();
  }
}

// --- what the customer does ---

async function submit(event) {
  event.preventDefault();
  const text = page.text.value.trim();
  if (text === "" || !canAnswer) return;
  page.text.value = "";
  grow();
  saidTyping = -Infinity;
  // What could not even be handed over goes back to where it was written.
  if (!(await post("messages", { text })) && page.text.value === "") page.text.value = text;
  grow();
}

function enterSends(event) {
  if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
  event.preventDefault();
  page.composer.requestSubmit();
}

function typed() {
  grow();
  if (page.text.value.trim() === "" || performance.now() - saidTyping < TYPING_AGAIN) return;
  saidTyping = performance.now();
  post("typing", {});
}

function respond(answer) {
  post("responses", answer);
}

async function post(route, body) {
  try {
    const answer = await fetch(`${path()}/${route}`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify(body),
    });
    if (!answer.ok) throw new Error(await answer.text());
    page.hint.textContent = "";
    return true;
  } catch (error) {
    page.hint.textContent = `That did not get through: ${error.message}`;
    return false;
  }
}

function allowAnswers() {
  for (const control of page.chat.querySelectorAll("button, textarea")) control.disabled = !canAnswer;
  page.skip.hidden = !canAnswer;
}

// --- small things ---

function path() {
  return `/customers/${encodeURIComponent(customer)}`;
}

function initial(name) {
  return [...name][0]?.toUpperCase() ?? "";
}

function time(text) {
  const at = new Date(text ?? NaN);
  return Number.isNaN(at.getTime()) ? "" : element("time", { datetime: at.toISOString() }, clock.format(at));
}

function grow() {
  page.text.rows = Math.min(5, page.text.value.split("\n").length);
}

function toTheEnd() {
  page.log.scrollTop = page.log.scrollHeight;
}

// Where the end was in sight, it stays in sight.
function keepTheEnd() {
  const atTheEnd = page.log.scrollHeight - page.log.scrollTop - page.log.clientHeight < NEAR_THE_END;
  return () => atTheEnd && toTheEnd();
}
