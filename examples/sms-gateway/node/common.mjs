// What both sides need: settings, requests, and comparisons that take the same time whatever they find.

import { timingSafeEqual } from "node:crypto";

// Patchbay waits ten seconds for the answer to a delivery, many gateways no longer for that to a webhook. Within that time
// two requests fit.
const TIMEOUT_SECONDS = 4;
const LARGEST_ANSWER = 64 * 1024;
// With these statuses the request will never be accepted. After any other error another attempt may succeed.
const REFUSED = new Set([400, 413, 415, 422, 501]);

export function setting(name) {
  const value = process.env[name];
  if (!value) throw new Error(`${name} is not set.`);
  return value;
}

export function areEqual(one, other) {
  const [a, b] = [Buffer.from(one), Buffer.from(other)];
  return a.length === b.length && timingSafeEqual(a, b);
}

export class HttpError extends Error {
  name = "HttpError";

  constructor({ status, headers }, answer) {
    super();
    this.code = status;
    this.isRefused = REFUSED.has(status);
    this.retryAfter = headers.get("retry-after");
    this.answer = answer;
  }
}

/** Returns if the request is accepted, and throws an HttpError if it is not. */
export async function post(url, headers, body) {
  const signal = AbortSignal.timeout(TIMEOUT_SECONDS * 1000);
  const response = await fetch(url, { method: "POST", headers, body, redirect: "manual", signal });
  let answer = "";
  for await (const chunk of response.body?.pipeThrough(new TextDecoderStream()) ?? []) {
    answer += chunk;
    if (answer.length > LARGEST_ANSWER) break;
  }
  if (!response.ok) throw new HttpError(response, answer);
}
