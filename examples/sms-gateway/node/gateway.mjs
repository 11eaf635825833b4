// The SMS gateway. For another gateway, change this file only.
//
// This gateway is made up, and of the common kind: it sends what is posted to it as a form, and posts forms itself, one
// for each change of a message's status and one for each reply.

import { createHmac } from "node:crypto";
import { areEqual, post, setting } from "./common.mjs";

const [URL, KEY, NUMBER] = [setting("GATEWAY_URL"), setting("GATEWAY_KEY"), setting("GATEWAY_NUMBER")];
const WEBHOOK_SECRET = setting("GATEWAY_WEBHOOK_SECRET");

// The gateway's words for a final status, and Patchbay's. With any other word the message is still on its way.
const FINAL = { delivered: "delivered", undelivered: "failed", expired: "expired" };

// The gateway's error codes, and Patchbay's reason codes. Patchbay reports any other code as GeneralError, and shows it.
const REASONS = {
  101: "InvalidDestination", // not a number that receives SMS
  102: "InvalidMediaContentLength", // longer than ten parts
  201: "RecipientOptedOut", // the gateway's own list
  202: "MessageNotAllowed", // the number is blocked
  203: "DataFiltered", // the carrier takes it for spam
  301: "RateLimited", // the carrier's limit
};

/** The gateway sends one message for each reference, so that a request may be repeated. */
export function send(reference, number, text) {
  const form = new URLSearchParams({ to: number, from: NUMBER, text, reference });
  const headers = { authorization: `Bearer ${KEY}`, "content-type": "application/x-www-form-urlencoded" };
  return post(`${URL}/messages`, headers, form.toString());
}

/** Whether the gateway has signed this request. A replay has no effect: it is a repeat, or too old. */
export function verify(headers, body) {
  const expected = createHmac("sha256", WEBHOOK_SECRET).update(body).digest("base64");
  return areEqual(expected, headers["x-gateway-signature"] ?? "");
}

/** The reference of a message, its final status if it has one, and the reasons of a failure. */
export function readStatus(body) {
  const { reference, status, ...error } = Object.fromEntries(new URLSearchParams(body.toString()));
  return { reference, status: FINAL[status], reasons: error.code ? [reason(error)] : [] };
}

/** The id, the sender, the time in seconds since 1970, and the text of what a customer wrote. */
export function readReply(body) {
  const { id, from, time, text } = Object.fromEntries(new URLSearchParams(body.toString()));
  return { id, number: from, writtenAt: readTime(time), text };
}

/** By RFC 3339. What cannot be the time is read as now: the message counts all the same. */
function readTime(text) {
  const isTime = /^\d{4}-\d\d-\d\dT[\d:.]+(Z|[+-]\d\d:\d\d)?$/.test(text); // Date.parse makes a time of a "12" too
  const [writtenAt, now] = [isTime ? Date.parse(text) / 1000 : 0, Date.now() / 1000];
  return writtenAt > 0 && writtenAt <= now ? writtenAt : now;
}

export function reasonOfRefusal(answer) {
  try {
    return reason(JSON.parse(answer));
  } catch {
    return { message: "The gateway refused the message." };
  }
}

function reason({ code, detail }) {
  return { code: REASONS[code] ?? code, message: detail };
}
