// The agent's desk: shows the conversation as the platform has it, posts what the agent does, and frames the customer's
// side beside it.

import { chooseCustomer } from "./chooser.js";
import { Composer, handOver } from "./composer.js";
import { element, event, initial, Parts, time } from "./content.js";
import { Log, Typing } from "./log.js";
import { follow } from "./stream.js";

const STATES = {
  sending: "Sending…",
  sent: "✓ Sent",
  delivered: "✓✓ Delivered",
  published: "✓✓ Published",
  removed: "Removed",
  failed: "Failed",
};
const CHOICES = { Button: "chosen with a button", QuickReply: "chosen as a quick reply", DatePicker: "chosen as a date" };
const HINTS = {
  none: "The customer writes first.",
  open: "",
  ended: "The conversation has ended. The customer’s next message opens it again.",
};

const page = Object.fromEntries([...document.querySelectorAll("[id]")].map((part) => [part.id, part]));
const customer = new URLSearchParams(location.search).get("customer");
const log = new Log(page.log, page.entries);
const typing = new Typing(page, log);
const shown = []; // each entry as it came

if (customer) {
  openDesk();
  showSides();
} else {
  page.chooser.hidden = false;
  chooseCustomer(page, "/conversations", "As the platform has them");
}

// --- the conversation ---

function openDesk() {
  document.title = `Conversation with ${customer}`;
  page.title.textContent = customer;
  page.avatar.textContent = initial(customer);
  page.back.hidden = page.avatar.hidden = page.chat.hidden = page.between.hidden = false;
  new Composer(page.composer, page.text, { write: (text) => act("messages", { text }), typing: () => act("typing", {}) });
  page.end.addEventListener("click", () => act("end", {}));
  follow(`${path()}/events`, {
    opened: () => (page.status.textContent = "Open Messaging"),
    lost: () => (page.status.textContent = "Connecting again…"),
    message: show,
  });
}

// Shows what is new in the conversation.
function show({ state, typingUntil, entries }) {
  for (const [position, entry] of entries.entries()) {
    const text = JSON.stringify(entry);
    if (shown[position] === text) continue;
    const isNew = shown[position] === undefined;
    shown[position] = text;
    log.place(position, position, item(entry), { toTheEnd: isNew && entry.kind === "agent" });
  }
  typing.show(customer, (typingUntil ?? 0) - Date.now());
  allow(state);
}

function item(entry) {
  return entry.kind === "event" ? event(entry) : message(entry);
}

function message(entry) {
  const isOwn = entry.kind !== "customer";
  const who = { customer: customer, agent: "Agent", company: "Agentless message" }[entry.kind];
  const made = element("li", { class: isOwn ? "own" : "theirs" });
  made.dataset.kind = entry.kind;
  made.append(element("span", { class: entry.kind === "company" ? "note" : "unseen" }, entry.kind === "company" ? who : `${who}: `));
  made.append(...new Parts(entry, () => {}).elements());
  made.append(element("p", { class: "state", dir: "auto" }, time(entry.time), " ", isOwn ? stateOf(entry) : CHOICES[entry.choice]));
  if (isOwn) made.dataset.state = entry.state;
  // What the platform has of a message is to read, not to choose.
  for (const button of made.querySelectorAll("button")) button.disabled = true;
  return made;
}

function stateOf({ state, reason }) {
  return [STATES[state] ?? state, reason].filter(Boolean).join(": ");
}

// An agent can write in an open conversation only.
function allow(state) {
  const isOpen = state === "open";
  if (!isOpen && [page.end, page.text, page.send].includes(document.activeElement)) page.log.focus();
  page.text.disabled = page.send.disabled = !isOpen;
  page.end.hidden = page.skip.hidden = !isOpen;
  page.hint.textContent = HINTS[state];
}

function act(route, body) {
  return handOver(`${path()}/${route}`, body, page.hint);
}

function path() {
  return `/conversations/${encodeURIComponent(customer)}`;
}

// --- the customer's side ---

async function showSides() {
  const sides = await (await fetch("/sides")).json();
  document.querySelector("main").append(...sides.map(side));
}

function side({ title, of, url }) {
  const shows = new URL(url);
  shows.searchParams.set("customer", customer);
  return element("section", { class: "side", "aria-label": title },
    element("div", { class: "caption" }, element("h2", {}, title), element("p", {}, of)),
    element("iframe", { src: shows.href, title }));
}
