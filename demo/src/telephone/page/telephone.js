// A customer's telephone: shows the chat as the provider has it, and posts what the customer does.

import { chooseCustomer } from "./chooser.js";
import { Composer, handOver } from "./composer.js";
import { element, initial, link, picture, time } from "./content.js";
import { Log, Typing } from "./log.js";
import { follow } from "./stream.js";

// By kind and state.
const STATES = {
  written: { sending: "Sending…", sent: "✓ Sent", failed: "Not accepted" },
  pressed: { sending: "Tapping…", sent: "✓ Tapped", failed: "Not accepted" },
  received: { delivered: "✓✓ Delivered", read: "✓✓ Read", failed: "Not delivered" },
};
const WHO = { written: "You: ", pressed: "You tapped: ", received: "" };

const page = Object.fromEntries([...document.querySelectorAll("[id]")].map((part) => [part.id, part]));
const customer = new URLSearchParams(location.search).get("customer");
const log = new Log(page.log, page.entries);
const typing = new Typing(page, log);
const shown = new Map(); // each entry as it came, by its id
const { look, company, address } = await (await fetch("/look")).json();

document.documentElement.dataset.look = look;
if (customer) {
  openChat();
} else {
  page.chooser.hidden = false;
  chooseCustomer(page, "/customers", { whose: `As customers see ${address}` });
}

function openChat() {
  document.title = `Telephone of ${customer}`;
  page.title.textContent = company;
  page.avatar.textContent = initial(company);
  page.avatar.hidden = page.chat.hidden = page.skip.hidden = false;
  // In a frame it is one side of a conversation.
  page.back.hidden = window !== window.parent;
  new Composer(page.composer, page.text, { write: (text) => act("messages", { text }), typing: () => {} });
  page.picture.addEventListener("change", sendPicture);
  follow(`${path()}/events`, {
    opened: () => (page.status.textContent = `You are ${customer}`),
    lost: () => (page.status.textContent = "Connecting again…"),
    message: show,
  });
}

// Shows what is new in the chat.
function show({ typingUntil, entries }) {
  for (const [position, entry] of entries.entries()) {
    const text = JSON.stringify(entry);
    if (shown.get(entry.id) === text) continue;
    const toTheEnd = !shown.has(entry.id) && entry.kind !== "received";
    shown.set(entry.id, text);
    // The pressed buttons are gone.
    if (log.place(entry.id, position, item(entry), { toTheEnd })) page.log.focus();
  }
  typing.show(company, (typingUntil ?? 0) - Date.now());
}

function item(entry) {
  const { id, kind, text, entities, files, buttons, state } = entry;
  const bubble = element("div", { class: "bubble" },
    ...files.map((file, number) => media(file, `${path()}/files/${encodeURIComponent(id)}/${number}`)),
    text === "" ? null : element("p", { dir: "auto" }, ...styled(text, entities)),
    element("p", { class: "state" }, time(entry.time), " ", STATES[kind][state]));
  const keys = element("div", { class: "keys", role: "group", "aria-label": "Answers to tap" }, ...buttons.map((button) => key(id, button)));
  const made = element("li", { class: kind === "received" ? "theirs" : "own" },
    element("span", { class: "unseen" }, WHO[kind] || `${company}: `),
    element("div", { class: "message" }, bubble, buttons.length > 0 ? keys : null));
  Object.assign(made.dataset, { kind, state: state ?? "" });
  return made;
}

function media({ name, mediaType, url }, own) {
  const href = new URL(url ?? own, location.href).href;
  const named = element("p", { class: "file" }, element("span", { "aria-hidden": "true" }, "↓ "), link(href, name));
  return mediaType.startsWith("image/") ? picture(href, name, named) : named;
}

// The text with what is bold in it and with its links.
function styled(text, entities) {
  const links = [...text.matchAll(/https?:\/\/\S+/g)].map(({ index, 0: url }) => ({ type: "url", offset: index, length: url.length }));
  const parts = [];
  let end = 0;
  for (const { type, offset, length, url } of [...entities, ...links].sort((a, b) => a.offset - b.offset)) {
    if (offset < end) continue;
    const part = text.slice(offset, offset + length);
    parts.push(text.slice(end, offset));
    if (type === "bold") parts.push(element("strong", {}, part));
    else parts.push(type === "url" || type === "text_link" ? link(url ?? part, part) : part);
    end = offset + length;
  }
  return [...parts, text.slice(end)];
}

function key(message, { text, url }) {
  if (url) return link(url, text, { class: "key" });
  const button = element("button", { type: "button", class: "key", dir: "auto" }, text);
  button.addEventListener("click", () => act("presses", { message, button: text }));
  return button;
}

function sendPicture() {
  const [file] = page.picture.files;
  const reader = new FileReader();
  reader.addEventListener("load", () => act("pictures", { contentType: file.type, content: reader.result.split(",")[1] }));
  if (file) reader.readAsDataURL(file);
  page.picture.value = "";
}

function act(route, body) {
  return handOver(`${path()}/${route}`, body, page.hint);
}

function path() {
  return `/customers/${encodeURIComponent(customer)}`;
}
