// Makes the calls of ./calls.ts, which the test writes, with openapi-fetch and the types of ./schema.ts. Prints what came of each.
import createClient from "openapi-fetch";
import { baseUrl, calls, type Client, secret, token } from "./calls.ts";
import type { components, paths } from "./schema.ts";

const bytes = (text: string) => new TextEncoder().encode(text);
const hash = { name: "HMAC", hash: "SHA-256" };
const key = await crypto.subtle.importKey("raw", bytes(secret), hash, false, ["sign"]);

const client: Client = createClient<paths>({ baseUrl, headers: { authorization: `Bearer ${token}` } });
client.use({
  // The platform's signature.
  async onRequest({ request }) {
    if (!request.url.endsWith("/webhook")) return;
    const digest = await crypto.subtle.sign("HMAC", key, await request.clone().arrayBuffer());
    request.headers.set("X-Hub-Signature-256", `sha256=${btoa(String.fromCharCode(...new Uint8Array(digest)))}`);
  },
});

type Failure = components["schemas"]["Problem"] | components["schemas"]["GatewayAnswer"];
const nameOf = (error: Failure) => ("instance" in error ? "Problem" : "GatewayAnswer");

const results = [];
for (const call of calls) {
  const { data, error, response } = await call(client);
  const body = data ?? error;
  results.push({ status: response.status, type: error && nameOf(error), body, raw: body });
}
console.log(JSON.stringify(results));
