// Makes calls with Genesys Cloud's official JavaScript client: each line of the input is a call, each line of the output the
// answer and how it differs from the client's models.
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { createInterface } from "node:readline";
import { answerOf, differences, models } from "./models.mjs";

const [folder, url, clientId, clientSecret] = process.argv.slice(2);
const require = createRequire(`${folder}/`);
const sdk = require("purecloud-platform-client-v2");
const declarations = readFileSync(`${folder}/purecloud-platform-client-v2/index.d.ts`, "utf8");
const known = models(declarations);
const { protocol, hostname: host, port } = new URL(url);
sdk.ApiClient.instance.setGateway({ host, protocol: protocol.slice(0, -1), port: Number(port) });
await sdk.ApiClient.instance.loginClientCredentialsGrant(clientId, clientSecret);

const camelCase = (name) => name.replace(/_(\w)/g, (_, letter) => letter.toUpperCase());

async function call({ api, method, arguments: path, options, body }) {
  const name = camelCase(method);
  const given = Object.fromEntries(Object.entries(options).map(([option, value]) => [camelCase(option), value]));
  try {
    const raw = await new sdk[api]()[name](...path, ...(body ? [body] : []), given);
    const type = answerOf(declarations, name);
    return { raw, differences: type === "void" ? [] : differences(known, raw, type) };
  } catch (error) {
    return { error: JSON.stringify(error.body ?? error.message ?? error) };
  }
}

for await (const line of createInterface({ input: process.stdin })) {
  console.log(JSON.stringify(await call(JSON.parse(line))));
}
