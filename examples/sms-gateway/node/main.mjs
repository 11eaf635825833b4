// A messaging service for Patchbay that sends SMS through a gateway.
//
//     Patchbay ──── POST /deliveries ─────────► tasks ───► the gateway: SMS
//     the gateway ─ POST /statuses, /replies ─► tasks ───► Patchbay: receipts, messages, choices
//
// A request is answered once its task is on disk. A worker does the task, and repeats it until it is done, after a crash
// too, under the same key: by it the other side recognises a repeat.

import { createServer } from "node:http";
import * as gateway from "./gateway.mjs";
import * as patchbay from "./patchbay.mjs";
import { KEPT_SECONDS, Store, now } from "./store.mjs";

const LARGEST_BODY = 8 * 1024 * 1024;
const GIVE_UP_SECONDS = 24 * 3600;
const LONGEST_WAIT_SECONDS = 300;
const OPTIONS_SECONDS = 24 * 3600; // how long a "2" is an option of the last message
const OLDEST_REPLY_SECONDS = KEPT_SECONDS - 24 * 3600; // a day less, as the gateway's clock may be ahead
const STOP = new Set(["STOP", "STOPALL", "UNSUBSCRIBE"]);
const START = new Set(["START", "UNSTOP"]);
const STOP_UNLESS_OFFERED = new Set(["CANCEL", "END", "QUIT"]); // unless it is the text of an open option

const store = new Store(process.env.DATABASE ?? "sms.db");

/** From Patchbay: a message to send, or something that SMS cannot show. */
function takeDelivery(headers, body) {
  const { data } = JSON.parse(body);
  if (data.intent !== "send" || data.fallbackText === undefined) return 200;
  const { id, idType, phone } = data.to ?? {};
  const numbers = data.recipients ?? [phone ?? id];
  if (data.public || !numbers.every(Boolean)) return 422; // not for this channel: the agent sees that it failed
  const receipt = JSON.stringify({ messageId: data.messageId, to: { id, idType } });
  const sms = JSON.stringify({ text: data.fallbackText, options: patchbay.options(data) });
  store.transaction(() => {
    for (const [index, number] of numbers.entries()) {
      store.add(`${headers["webhook-id"]}/${index}`, "sms", number, sms, receipt);
    }
  });
  return 200;
}

/** The gateway reports the status of an SMS. */
function takeStatus(_, body) {
  const { reference, status, reasons } = gateway.readStatus(body);
  if (status) finish(reference, status, reasons);
  return 200;
}

/** From the gateway: what a customer wrote, which may choose an option, or be STOP. */
function takeReply(_, body) {
  const { id, number, writtenAt, text } = gateway.readReply(body);
  // Its key may be deleted: perhaps a replay. If it is none, the gateway shows the failure.
  if (now() - writtenAt > OLDEST_REPLY_SECONDS) return 422;
  const time = new Date(writtenAt * 1000).toISOString();
  const reply = { messageId: `reply-${id}`, from: { id: number, idType: "Phone" }, time, text };
  const word = normalized(text);
  const isCommand = STOP.has(word) || START.has(word);
  store.transaction(() => {
    const chosen = isCommand ? undefined : choice(openOptions(number), word);
    const route = chosen ? "inbound/responses" : "inbound/messages";
    if (!store.add(reply.messageId, route, number, JSON.stringify({ ...reply, ...chosen }))) return; // a repeat
    if (chosen) store.remember(number, "options", "[]");
    else if (isCommand || STOP_UNLESS_OFFERED.has(word)) store.remember(number, "opted_out", Number(!START.has(word)));
  });
  return 200;
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

/** Records the outcome of an SMS, for the agent to see. A message to several numbers is delivered if all SMS are. */
function finish(key, status, reasons) {
  store.transaction(() => {
    const sms = store.finish(key, status === "delivered" ? "delivered" : "failed");
    if (sms && (status !== "delivered" || store.allDelivered(sms.receipt))) {
      const receipt = { ...JSON.parse(sms.receipt), status, reasons };
      const message = key.replace(/\/\d+$/, "");
      store.add(`${message}/receipt`, "receipts", message, JSON.stringify(receipt));
    }
  });
}

/** Does the tasks of these routes. What fails is repeated until it is refused or too old. */
async function work(routes) {
  for (;;) {
    const task = await store.next(routes);
    try {
      await perform(task);
    } catch (error) {
      // Whatever it is, the task is not lost.
      log(`${task.key} (${task.route})`, error);
      // With the body: somebody has to look whether the agent has it.
      if (error instanceof patchbay.OutcomeUnknown) store.update(task, { state: "unknown" });
      else if (error.isRefused) giveUp(task, "failed", error.answer);
      else if (now() - task.taken_at > GIVE_UP_SECONDS) giveUp(task, "expired");
      else store.update(task, { attempts: task.attempts + 1, due: now() + waitSeconds(task.attempts, error) });
    }
  }
}

/** Exponential backoff with jitter, or what the other side asks for if that is longer. */
function waitSeconds(attempts, { retryAfter }) {
  const backoff = Math.min(2 ** attempts, LONGEST_WAIT_SECONDS) * (0.5 + Math.random() / 2);
  return /^[0-9]{1,5}$/.test(retryAfter) ? Math.max(backoff, Number(retryAfter)) : backoff;
}

async function perform(task) {
  if (task.route !== "sms") {
    await patchbay.call(task.route, task.body);
  } else if (!store.customer(task.customer).opted_out) {
    const { text, options } = JSON.parse(task.body);
    offer(task.customer, options); // first: the answer may be here before the gateway's
    await gateway.send(task.key, task.customer, text);
  } else {
    const optedOut = { code: "RecipientOptedOut", message: "The customer has answered STOP." };
    return finish(task.key, "rejected", [optedOut]);
  }
  store.update(task, { state: "sent", body: null });
}

/** A number answers the last message. If that has no options, it is a text. */
function offer(number, options) {
  store.transaction(() => {
    store.remember(number, "options", JSON.stringify(options));
    store.remember(number, "offered_at", now());
  });
}

/** A message becomes a receipt that says why, and a choice that the platform does not take becomes a message. */
function giveUp(task, status, answer) {
  if (task.route === "sms") {
    finish(task.key, status, answer === undefined ? [] : [gateway.reasonOfRefusal(answer)]);
  } else if (task.route === "inbound/responses") {
    const { messageId, from, time, text } = JSON.parse(task.body);
    const message = { messageId: `${messageId}-text`, from, time, text };
    store.update(task, { route: "inbound/messages", body: JSON.stringify(message) });
  } else {
    store.update(task, { state: "failed" }); // with the body, which is the only copy
  }
}

/** Neither texts nor numbers. */
function log(what, error) {
  console.error(`${what}: ${error.name} ${error.code ?? error.cause?.code ?? ""}`);
}

const ROUTES = {
  "/deliveries": [patchbay.verify, takeDelivery],
  "/statuses": [gateway.verify, takeStatus],
  "/replies": [gateway.verify, takeReply],
};

async function handle(request) {
  const route = request.method === "POST" && ROUTES[request.url];
  if (!route) return 404;
  const [verify, take] = route;
  const chunks = [];
  let length = 0;
  for await (const chunk of request) {
    length += chunk.length;
    if (length > LARGEST_BODY) return 413;
    chunks.push(chunk);
  }
  const body = Buffer.concat(chunks);
  return verify(request.headers, body) ? take(request.headers, body) : 401;
}

const server = createServer(async (request, response) => {
  const failed = (error) => {
    log(request.url, error);
    return 500; // it is sent again
  };
  response.writeHead(await handle(request).catch(failed), { "content-length": 0, connection: "close" }).end();
});
server.requestTimeout = 10_000;
server.listen(Number(process.env.PORT ?? "9000"), "127.0.0.1", () => {
  console.log(`Listening at http://127.0.0.1:${server.address().port}`);
});
// A worker that cannot use the store ends the process: whatever started it starts it again.
for (const routes of ["sms", "receipts", "inbound/%"]) work(routes); // none waits for another
