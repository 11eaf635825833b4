// A messaging service for Patchbay that sends SMS through a gateway.
//
//     Patchbay ──── POST /deliveries ─────────► the gateway: SMS
//     the gateway ─ POST /statuses, /replies ─► Patchbay: receipts, messages, choices
//
// A request is answered 200 once the other side has its content. Until then it is repeated, and the other side recognises
// the repeat. So there is no queue here.

import { createServer } from "node:http";
import { HttpError } from "./common.mjs";
import * as gateway from "./gateway.mjs";
import * as patchbay from "./patchbay.mjs";
import { KEPT_SECONDS, Store, now } from "./store.mjs";

const LARGEST_BODY = 8 * 1024 * 1024;
const OPTIONS_SECONDS = 24 * 3600; // how long a "2" is an option of the last message
const OLDEST_REPLY_SECONDS = KEPT_SECONDS - 24 * 3600; // a day less, as the gateway's clock may be ahead
const STOP = new Set(["STOP", "STOPALL", "UNSUBSCRIBE"]);
const START = new Set(["START", "UNSTOP"]);
const STOP_UNLESS_OFFERED = new Set(["CANCEL", "END", "QUIT"]); // unless it is the text of an open option
const [MESSAGES, RESPONSES] = ["inbound/messages", "inbound/responses"];
const OPTED_OUT = { code: "RecipientOptedOut", message: "The customer has answered STOP." };

const store = new Store(process.env.DATABASE ?? "sms.db");

/** From Patchbay: a message to send, a reply that could not be posted, or something that SMS cannot show. */
async function takeDelivery(headers, body) {
  const { type, data } = JSON.parse(body);
  if (type === "inbound.failed") return takeFailure(data);
  if (data.intent !== "send" || data.fallbackText === undefined) return 200;
  const { id, idType, phone } = data.to ?? {};
  const numbers = data.recipients ?? [phone ?? id];
  if (data.public || !numbers.every(Boolean)) return 422; // not for this channel: the agent sees that it failed
  const receipt = { messageId: data.messageId, to: { id, idType } };
  for (const [index, number] of numbers.entries()) {
    await send(`${headers["webhook-id"]}/${index}`, number, data.fallbackText, patchbay.options(data), receipt);
  }
  return 200;
}

async function send(key, number, text, options, receipt) {
  const [isRepeat, isOptedOut] = store.transaction(() => {
    const earlier = store.addSms(key, JSON.stringify(receipt));
    if (earlier !== undefined && earlier !== "taken") return [true];
    if (store.customer(number).opted_out) return [false, true];
    // Before it is sent: the answer may be here before the gateway's. The customer may have it from an earlier attempt,
    // and have chosen.
    const offer = earlier ? {} : { options: JSON.stringify(options) };
    store.remember(number, { offered_at: now(), ...offer });
    return [false, false];
  });
  if (isRepeat) return;
  if (isOptedOut) return report(receipt, "rejected", [OPTED_OUT]);
  try {
    await gateway.send(key, number, text);
  } catch (error) {
    if (!error.isRefused) throw error;
    return report(receipt, "failed", [gateway.reasonOfRefusal(error.answer)]);
  }
  store.setState(key, "sent");
}

/** The agent sees the outcome. Of several failures of a message Patchbay posts one. */
function report(receipt, status, reasons) {
  return patchbay.post("receipts", { ...receipt, status, reasons });
}

/** What Patchbay could not post. A choice that the platform refused, of an old card for example, becomes a text. */
async function takeFailure({ messageId, route, reason, detail, original }) {
  log(`${messageId} (${route})`, `${reason}: ${detail}`);
  if (route === RESPONSES && reason === "platform-refused") await patchbay.post(MESSAGES, asText(original));
  return 200;
}

/** The id is derived: a repeat has the same one. */
function asText({ messageId, from, time, text }) {
  return { messageId: `${messageId}-text`, from, time, text };
}

/** The gateway reports the status of an SMS. */
async function takeStatus(_, body) {
  const { reference, status, reasons } = gateway.readStatus(body);
  const receipt = status && store.finish(reference, status);
  if (receipt) await report(JSON.parse(receipt), status, reasons);
  return 200;
}

/** From the gateway: what a customer wrote, which may choose an option, or be STOP. */
async function takeReply(_, body) {
  const { id, number, writtenAt, text } = gateway.readReply(body);
  // Its id may be deleted: perhaps a replay. If it is none, the gateway shows the failure.
  if (now() - writtenAt > OLDEST_REPLY_SECONDS) return 422;
  const time = new Date(writtenAt * 1000).toISOString();
  const reply = { messageId: `reply-${id}`, from: { id: number, idType: "Phone" }, time, text };
  const word = normalized(text);
  const isCommand = STOP.has(word) || START.has(word);
  const waiting = store.transaction(() => {
    const chosen = isCommand ? undefined : choice(openOptions(number), word);
    if (store.addReply(id, JSON.stringify({ ...reply, ...chosen }))) {
      if (chosen) store.remember(number, { options: "[]" });
      else if (isCommand || STOP_UNLESS_OFFERED.has(word)) store.remember(number, { opted_out: Number(!START.has(word)) });
    }
    return store.bodyOfReply(id); // of the first time: a repeat is no other choice
  });
  if (waiting) {
    await postReply(JSON.parse(waiting));
    store.removeBody(id);
  }
  return 200;
}

async function postReply(reply) {
  const route = reply.payload === undefined ? MESSAGES : RESPONSES;
  try {
    await patchbay.post(route, reply);
  } catch (error) {
    if (route !== RESPONSES || error.code !== 501) throw error;
    await patchbay.post(MESSAGES, asText(reply)); // this platform takes no choices
  }
}

function openOptions(number) {
  const { options, offered_at } = store.customer(number);
  return now() - offered_at < OPTIONS_SECONDS ? JSON.parse(options) : [];
}

/** The option that the customer names by its number or its text. */
function choice(options, word) {
  const isChosen = ({ text }, index) => word.replace(/[.)]+$/, "") === `${index + 1}` || word === normalized(text);
  return options.find(isChosen);
}

function normalized(text) {
  return text.trim().split(/\s+/).join(" ").toUpperCase();
}

/** Neither texts nor numbers. */
function log(what, problem) {
  console.error(`${what}: ${problem}`);
}

const ROUTES = {
  "/deliveries": [patchbay.verify, takeDelivery],
  "/statuses": [gateway.verify, takeStatus],
  "/replies": [gateway.verify, takeReply],
};

/** The status, and when to send it again. */
async function handle(request) {
  const route = request.method === "POST" && ROUTES[request.url];
  if (!route) return [404];
  const [verify, take] = route;
  const chunks = [];
  let length = 0;
  for await (const chunk of request) {
    length += chunk.length;
    if (length > LARGEST_BODY) return [413];
    chunks.push(chunk);
  }
  const body = Buffer.concat(chunks);
  try {
    return [verify(request.headers, body) ? await take(request.headers, body) : 401];
  } catch (error) {
    log(request.url, `${error.name} ${error.code ?? error.cause?.code ?? ""} ${error.problem ?? ""}`);
    return [error.isRefused ? 422 : 503, error.retryAfter];
  }
}

const server = createServer(async (request, response) => {
  const [status, retryAfter] = await handle(request).catch(() => [400]); // its body broke off
  if (retryAfter) response.setHeader("retry-after", retryAfter);
  response.writeHead(status, { "content-length": 0, connection: "close" }).end();
});
server.requestTimeout = 10_000;
server.listen(Number(process.env.PORT ?? "9000"), "127.0.0.1", () => {
  console.log(`Listening at http://127.0.0.1:${server.address().port}`);
});
