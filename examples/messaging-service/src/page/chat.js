// One customer's chat: follows the events, shows what comes, posts what the customer does.

import { chooseCustomer } from "./chooser.js";
import { Composer, handOver } from "./composer.js";
import { element, event, initial, Parts, time } from "./content.js";
import { Log, Typing } from "./log.js";
import { follow } from "./stream.js";

const page = Object.fromEntries([...document.querySelectorAll("[id]")].map((part) => [part.id, part]));
const customer = new URLSearchParams(location.search).get("customer");
const log = new Log(page.log, page.entries);
const typing = new Typing(page, log);
let canAnswer = false;
let agent = "";

if (customer) {
  openChat();
} else {
  page.chooser.hidden = false;
  chooseCustomer(page, "/customers", { whose: "As the customer sees it" });
}

// --- events ---

function openChat() {
  document.title = `Chat of ${customer}`;
  page.title.textContent = "Chat";
  page.avatar.hidden = page.chat.hidden = false;
  // In a frame it is one side of this conversation.
  page.back.hidden = window !== window.parent;
  new Composer(page.composer, page.text, { write: (text) => act("messages", { text }), typing: () => act("typing", {}) });
  allowAnswers();
  follow(`${path()}/events`, {
    opened: () => (page.status.textContent = `You are ${customer}`),
    lost: () => (page.status.textContent = "Connecting again…"),
    settings: (settings) => {
      canAnswer = settings.canAnswer;
      page.hint.textContent = canAnswer ? "" : "You can read along. To answer, the service needs INBOUND_URL and CALLER_SECRET.";
      allowAnswers();
    },
    message: show, // Entries that are already shown stay.
  });
}

function show(entry) {
  if (entry.kind === "typing") {
    typing.show(agent || "The agent", entry.until - Date.now());
    return;
  }
  const item = { message: theirs, own, receipt, event: happening }[entry.kind](entry);
  item.dataset.key = entry.key;
  for (const button of item.querySelectorAll("button")) button.disabled = !canAnswer;
  if (log.place(entry.key, entry.position, item, { toTheEnd: entry.kind === "own" })) page.text.focus();
  if (entry.kind === "own") markChosen(entry);
}

function theirs(message) {
  if (message.nickname && message.nickname !== agent) {
    agent = String(message.nickname);
    page.title.textContent = agent;
    page.avatar.textContent = initial(agent);
  }
  typing.show();
  const item = element("li", { class: "theirs" }, element("span", { class: "unseen" }, `${agent || "Agent"}: `));
  item.append(...new Parts(message, respond).elements(), time(message.time));
  item.dataset.messageId = String(message.messageId ?? "");
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
    again.addEventListener("click", () => act("retries", { messageId: message.messageId }));
    item.append(again);
  }
  return item;
}

function receipt({ status, reason }) {
  const words = [status || "unknown", reason].filter(Boolean).join(": ");
  return element("li", { class: "receipt" }, element("p", { class: "note", dir: "auto" }, `Receipt for an earlier message · ${words}`));
}

// What happened to the conversation.
function happening(entry) {
  typing.show();
  return event(entry);
}

// The answer that was chosen shows as chosen.
function markChosen({ originatingMessageId, text, payload }) {
  if (!originatingMessageId) return;
  for (const item of log.items) {
    if (item.dataset.messageId !== originatingMessageId) continue;
    for (const button of item.querySelectorAll(".choice")) {
      button.setAttribute("aria-pressed", String(button.textContent === text && button.dataset.payload === payload));
    }
  }
}

// --- what the customer does ---

function respond(answer) {
  act("responses", answer);
}

function act(route, body) {
  return handOver(`${path()}/${route}`, body, page.hint);
}

function allowAnswers() {
  for (const control of page.chat.querySelectorAll("button, textarea")) control.disabled = !canAnswer;
  page.skip.hidden = !canAnswer;
}

// --- small things ---

function path() {
  return `/customers/${encodeURIComponent(customer)}`;
}
