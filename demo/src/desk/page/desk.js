// The agent's desk: lists the conversations, shows one as the platform has it, posts what the agent does, and frames the
// customers' sides beside it.

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

let name = customer;

if (customer) openDesk();
showSides();
chooseCustomer(page, "/conversations", { whose: customer ? null : "As the platform has them", chosen: customer });

// --- the conversation ---

function openDesk() {
  page.chooser.classList.add("tabs");
  page.back.hidden = page.avatar.hidden = page.chat.hidden = false;
  new Composer(page.composer, page.text, { write: (text) => act("messages", { text }), typing: () => act("typing", {}) });
  page.end.addEventListener("click", () => act("end", {}));
  follow(`${path()}/events`, {
    opened: () => introduce(name),
    lost: () => (page.status.textContent = "Connecting again…"),
    message: show,
  });
}

// What the customer is called.
function introduce(known) {
  name = known;
  page.status.textContent = name === customer ? "Open Messaging" : customer;
  document.title = `Conversation with ${name}`;
  page.title.textContent = name;
  page.avatar.textContent = initial(name);
}

// Shows what is new in the conversation.
function show({ state, name: known, typingUntil, entries }) {
  if (known && known !== name) introduce(known);
  for (const [position, entry] of entries.entries()) {
    const text = JSON.stringify(entry);
    if (shown[position] === text) continue;
    const isNew = shown[position] === undefined;
    shown[position] = text;
    log.place(position, position, item(entry), { toTheEnd: isNew && entry.kind === "agent" });
  }
  typing.show(name, (typingUntil ?? 0) - Date.now());
  allow(state);
}

function item(entry) {
  return entry.kind === "event" ? event(entry) : message(entry);
}

function message(entry) {
  const isOwn = entry.kind !== "customer";
  const who = { customer: name, agent: "Agent", company: "Agentless message" }[entry.kind];
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

// --- the customers' sides ---

// The side of the chosen conversation comes first.
async function showSides() {
  const [sides, conversations] = await Promise.all(["/sides", "/conversations"].map(async (from) => (await fetch(from)).json()));
  // A customer who has not written yet is on the side that is for this customer, or for any.
  const chosen = conversations.find((one) => one.customer === customer)?.integration
    ?? [customer, null].map((whose) => sides.find((side) => side.customer === whose)).find(Boolean)?.integration_id;
  const isOwn = (side) => customer !== null && side.integration_id === chosen;
  const ordered = [...sides.filter(isOwn), ...sides.filter((side) => !isOwn(side))];
  page.sides.append(...ordered.map((one, number) => side(one, number, isOwn(one))));
  page.jumps.hidden = sides.length < 2;
  page.jumps.append(...ordered.map(({ title }, number) => element("a", { href: `#side-${number}` }, title)));
}

function side({ title, of, url, customer: other }, number, isOwn) {
  const who = isOwn ? customer : other ?? customer;
  const shows = new URL(url);
  if (who) shows.searchParams.set("customer", who);
  const whose = isOwn
    ? element("span", { class: "this" }, "this conversation")
    : who && element("a", { href: `/?customer=${encodeURIComponent(who)}` }, "show at the desk", element("span", { class: "unseen" }, `: ${title}`));
  return element("section", { class: isOwn ? "side own-side" : "side", id: `side-${number}`, "aria-label": title },
    element("div", { class: "caption" }, element("h2", {}, title), element("p", {}, of), whose),
    element("iframe", { src: shows.href, title }));
}
