// Patchbay: its signature, its routes, and the options that its messages offer.

import { createHmac } from "node:crypto";
import { setTimeout } from "node:timers/promises";
import * as common from "./common.mjs";
import { areEqual, setting } from "./common.mjs";

const URL = `${setting("API_URL")}/integrations/${setting("INTEGRATION")}`;
const BEARER_TOKEN = setting("BEARER_TOKEN");
// Several during a rotation.
const SECRETS = setting("SIGNING_SECRETS").trim().split(/\s+/).map((secret) => Buffer.from(secret.replace(/^whsec_/, ""), "base64"));
if (SECRETS.some(({ length }) => length < 24)) {
  throw new Error("SIGNING_SECRETS: each is whsec_ and the base64 of at least 24 bytes.");
}
const TOLERANCE_SECONDS = 300;
const PAUSE_SECONDS = 1;

/** Whether Patchbay has signed this request in the last five minutes, as Standard Webhooks specify. */
export function verify(headers, body) {
  const [id, timestamp, signatures] = ["id", "timestamp", "signature"].map((name) => headers[`webhook-${name}`] ?? "");
  if (!/^[0-9]{1,12}$/.test(timestamp) || Math.abs(Date.now() / 1000 - timestamp) > TOLERANCE_SECONDS) return false;
  const sign = (secret) => createHmac("sha256", secret).update(`${id}.${timestamp}.`).update(body).digest("base64");
  const expected = SECRETS.map((secret) => `v1,${sign(secret)}`);
  const given = signatures.split(" ");
  return expected.some((one) => given.some((other) => areEqual(one, other)));
}

/**
 * Returns once Patchbay has stored the request, which it posts to the platform later. A repeat has no effect: Patchbay
 * recognises it by the messageId in the body, and a receipt by all that it says.
 */
export async function post(route, body, isRepeat = false) {
  const headers = { authorization: `Bearer ${BEARER_TOKEN}`, "content-type": "application/json", prefer: "respond-async" };
  try {
    await common.post(`${URL}/${route}`, headers, JSON.stringify(body));
  } catch (error) {
    if (error instanceof common.HttpError) error.problem = problem(error.answer);
    if (isRepeat || error.isRefused) throw error;
    await setTimeout(PAUSE_SECONDS * 1000); // a gateway may not repeat its webhook
    await post(route, body, true);
  }
}

/** What is wrong, for the log. It has neither texts nor numbers. */
function problem(answer) {
  try {
    const { type, detail } = JSON.parse(answer);
    return `${type}: ${detail}`;
  } catch {
    return ""; // the answer is not Patchbay's, but API Gateway's or a proxy's
  }
}

/** The options that fallbackText numbers, in order, each with what its answer says. */
export function options(data) {
  const shown = new Map([...data.fallbackText.matchAll(/^(\d+)\. (.*)$/gm)].map(([, number, text]) => [Number(number), text]));
  const found = [];
  try {
    for (const [type, option] of offered(data.content ?? [])) {
      const text = type === "DatePicker" ? shown.get(found.length + 1) : option.text;
      const payload = option.dateTime || option.payload || text;
      if (text) found.push({ originatingMessageId: data.messageId, type, text, payload });
    }
    // A number that means something else to the customer is no choice.
    const agrees = found.every(({ text }, index) => shown.get(index + 1) === text.trim().split(/\s+/).join(" "));
    return agrees ? found : [];
  } catch (error) {
    if (error instanceof TypeError) return []; // a part of another form than documented
    throw error;
  }
}

/** Each option, with the type of its answer: "An answer by number" in docs/content-types.md. */
function offered(content) {
  return content.flatMap((part) => {
    switch (part.contentType) {
      case "QuickReply":
        return [["QuickReply", part.quickReply]];
      case "QuickReplyV2":
        return part.quickReplyV2.actions.map((action) => ["QuickReply", action]);
      case "Card":
        return buttons(part.card);
      case "Carousel":
        return part.carousel.cards.flatMap(buttons);
      case "Notification": {
        const replies = (part.template.buttons ?? []).filter(({ url, phoneNumber }) => !url && !phoneNumber);
        return replies.map((button) => ["QuickReply", button]);
      }
      case "DatePicker":
        return (part.datePicker.availableTimes ?? []).map((time) => ["DatePicker", time]);
      default:
        return [];
    }
  });
}

function buttons({ actions = [], defaultAction }) {
  const isOwn = defaultAction && actions.every(({ payload }) => payload !== defaultAction.payload);
  const all = isOwn ? [...actions, defaultAction] : actions;
  return all.filter(({ type }) => type !== "Link").map((action) => ["Button", action]);
}
