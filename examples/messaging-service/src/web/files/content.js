// What a message shows. Whatever comes from outside becomes text or a checked attribute, never markup.

const WEB = ["http:", "https:"];
const LONGEST = 20_000;
const clock = new Intl.DateTimeFormat(undefined, { hour: "numeric", minute: "2-digit" });
const moment = new Intl.DateTimeFormat(undefined, { weekday: "short", day: "numeric", month: "short", hour: "numeric", minute: "2-digit" });

// An element with these attributes; children that are texts stay texts.
export function element(name, attributes = {}, ...children) {
  const made = document.createElement(name);
  for (const [attribute, value] of Object.entries(attributes)) {
    if (value !== undefined && value !== null && value !== false) made.setAttribute(attribute, value === true ? "" : value);
  }
  made.append(...children.filter((child) => child !== null && child !== undefined && child !== ""));
  return made;
}

// The time of day, if there is one.
export function time(text) {
  const at = new Date(text ?? NaN);
  return Number.isNaN(at.getTime()) ? "" : element("time", { datetime: at.toISOString() }, clock.format(at));
}

// An entry of what happened to the conversation.
export function event({ words, time: at }) {
  return element("li", { class: "event" }, element("p", { class: "note" }, `${words} `, time(at)));
}

// The first letter or digit of a name.
export function initial(name) {
  return name.match(/[\p{L}\p{N}]/u)?.[0].toUpperCase() ?? "";
}

// What should be a text and is something else is none.
function whole(value) {
  return typeof value === "string" ? value : "";
}

// What is shown of a text: of what is endless, the beginning.
function words(value) {
  const text = whole(value);
  return text.length > LONGEST ? `${text.slice(0, LONGEST)}…` : text;
}

function list(value) {
  return Array.isArray(value) ? value.filter((item) => item !== null && typeof item === "object") : [];
}

function record(value) {
  return value !== null && typeof value === "object" ? value : {};
}

// The URL, if it leads to the web; anything else might run.
function web(value) {
  const url = URL.canParse(words(value)) ? new URL(words(value)) : null;
  return url !== null && WEB.includes(url.protocol) ? url.href : null;
}

// A link in a new tab; a URL that leads elsewhere stays a text.
export function link(url, label, attributes = {}) {
  const href = web(url);
  if (href === null) return element("span", { ...attributes, dir: "auto" }, [words(label), words(url)].filter(Boolean).join(" · "));
  const shown = words(label) || words(url);
  return element("a", { ...attributes, href, target: "_blank", rel: "noopener noreferrer", dir: "auto" }, shown);
}

function paragraph(text, attributes = {}) {
  return words(text) === "" ? null : element("p", { dir: "auto", ...attributes }, words(text));
}

// A group with this name.
function card(name, ...children) {
  return element("div", { class: "card", role: "group", "aria-label": name }, ...children);
}

function heading(title, shown = title) {
  return title === "" ? null : element("h2", { class: "heading", dir: "auto" }, shown);
}

// A picture, or what is instead of one that cannot be shown.
export function picture(url, alt, instead) {
  const src = web(url);
  if (src === null) return instead;
  const shown = element("img", { src, alt: words(alt), referrerpolicy: "no-referrer" });
  shown.addEventListener("error", () => (instead === null ? shown.remove() : shown.replaceWith(instead)));
  return shown;
}

// The parts of one message, and the action for a customer's choice.
export class Parts {
  constructor(message, choose) {
    this.message = message;
    this.choose = choose;
  }

  // All that the message shows, bubbles and cards in their order.
  elements() {
    const content = list(this.message.content);
    const files = content.some((part) => part.contentType === "Attachment") ? [] : list(this.message.attachments);
    // A template's text may be repeated in the message's text.
    const text = words(this.message.text);
    const repeated = content.some((part) => words(record(record(part.template).body).text) === text);
    const shown = [text === "" || repeated ? null : this.bubble(text)];
    shown.push(...files.map((file) => this.attachment(file)));
    shown.push(...content.filter((part) => part.contentType !== "QuickReply").map((part) => this.part(part)));
    const replies = content.filter((part) => part.contentType === "QuickReply").map((part) => record(part.quickReply));
    if (replies.length > 0) shown.push(this.replies(replies));
    if (words(this.message.platformType) !== "") shown.push(this.unknown(this.message.platformType));
    return shown.filter((part) => part !== null);
  }

  part(part) {
    switch (part.contentType) {
      case "Attachment": return this.attachment(record(part.attachment));
      case "Notification": return this.template(record(part.template));
      case "QuickReplyV2": return this.repliesWithTitle(record(part.quickReplyV2));
      case "Card": return this.card(record(part.card));
      case "Carousel": return this.carousel(list(record(part.carousel).cards));
      case "DatePicker": return this.datePicker(record(part.datePicker));
      case "Text": return this.bubble(words(record(part.text).body));
      default: return this.unknown(part.contentType);
    }
  }

  bubble(...children) {
    return element("div", { class: "bubble", dir: "auto" }, ...children);
  }

  unknown(type) {
    return element("p", { class: "note", dir: "auto" }, `Something that this page does not know: ${words(type) || "no type"}`);
  }

  attachment(file) {
    const name = words(file.filename) || words(file.url).split(/[?#]/)[0].split("/").pop() || "File";
    const named = element("div", { class: "bubble file" }, element("span", { "aria-hidden": "true" }, "↓ "), link(file.url, name));
    const caption = paragraph(file.text);
    const frame = (shown) => element("figure", { class: "media" }, shown, caption && element("figcaption", {}, caption));
    switch (file.mediaType) {
      case "Image": return frame(picture(file.url, words(file.text) || name, named));
      case "Video": return web(file.url) ? frame(element("video", { src: web(file.url), controls: true, preload: "none", "aria-label": name })) : named;
      case "Audio": return web(file.url) ? frame(element("audio", { src: web(file.url), controls: true, preload: "none", "aria-label": name })) : named;
      default: return caption === null ? named : element("div", { class: "stack" }, named, this.bubble(caption));
    }
  }

  template(template) {
    const header = record(template.header);
    const buttons = list(template.buttons).map((button) => this.templateButton(button));
    const title = words(header.text);
    return card(title || "Message",
      header.media ? this.attachment(record(header.media)) : null,
      element("div", { class: "words" },
        heading(title),
        paragraph(record(template.body).text),
        paragraph(record(template.footer).text, { class: "footer" })),
      this.actions(buttons));
  }

  templateButton(button) {
    switch (button.type) {
      case "QuickReply": return this.button("QuickReply", button.text, button.payload);
      case "PhoneNumber": return element("span", { dir: "auto" }, [words(button.text), words(button.phoneNumber)].filter(Boolean).join(" · "));
      default: return link(button.url, button.text);
    }
  }

  replies(replies) {
    const buttons = replies.map((reply) => {
      const button = this.button("QuickReply", reply.text, reply.payload);
      const image = picture(reply.image, "", null);
      if (image !== null) button.prepend(image);
      return button;
    });
    return element("div", { class: "replies", role: "group", "aria-label": "Answers to choose from" }, ...buttons);
  }

  repliesWithTitle(content) {
    const title = words(content.title);
    const replies = this.replies(list(content.actions));
    return element("div", { class: "stack" }, title === "" ? null : this.bubble(title), replies);
  }

  card(content) {
    const action = record(content.defaultAction);
    const title = words(content.title);
    const main = action.type === "Link" && web(action.url) !== null ? link(action.url, title) : title;
    const buttons = list(content.actions).map((action) => this.cardAction(action));
    if (action.type === "Postback" && words(action.text) !== "") buttons.unshift(this.cardAction(action));
    const film = web(content.video);
    return card(title || "Card",
      picture(content.image, content.imageAltText, null),
      film && element("video", { src: film, controls: true, preload: "none", "aria-label": title || "Video" }),
      element("div", { class: "words" },
        heading(title, main),
        paragraph(content.description)),
      this.actions(buttons));
  }

  cardAction(action) {
    return action.type === "Link" ? link(action.url, action.text) : this.button("Button", action.text, action.payload);
  }

  actions(buttons) {
    return buttons.length === 0 ? null : element("div", { class: "actions" }, ...buttons);
  }

  carousel(cards) {
    const items = cards.map((card) => element("li", {}, this.card(card)));
    const label = `${cards.length} ${cards.length === 1 ? "card" : "cards"}, side by side`;
    return element("ul", { class: "carousel", tabindex: "0", role: "list", "aria-label": label }, ...items);
  }

  datePicker(picker) {
    const times = list(picker.availableTimes).map((time) => {
      const at = new Date(words(time.dateTime));
      const text = Number.isNaN(at.getTime()) ? words(time.dateTime) : moment.format(at);
      return this.button("DatePicker", text, time.dateTime);
    });
    const title = words(picker.title);
    return card(title || "Times to choose from",
      picture(picker.imageUrl, "", null),
      element("div", { class: "words" }, heading(title), paragraph(picker.subtitle)),
      this.actions(times));
  }

  button(type, text, payload) {
    const label = words(text) || words(payload) || "Choose";
    // What is sent is sent whole.
    const answer = { originatingMessageId: this.message.messageId, type, text: whole(text) || label, payload: whole(payload) || whole(text) || label };
    const button = element("button", { type: "button", class: "choice", "aria-pressed": "false", dir: "auto", "data-payload": answer.payload }, label);
    button.addEventListener("click", () => this.choose(answer));
    return button;
  }
}
