// Makes calls with HighLevel's official client: each line of the input is a call, each line of the output the answer and how it
// differs from the client's models.
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { createInterface } from "node:readline";
import { answerOf, differences, models } from "./models.mjs";

// With an app, the client has its id and secret; without, a token.
const [folder, baseURL, idOrToken, clientSecret] = process.argv.slice(2);
const require = createRequire(`${folder}/`);
const { HighLevel } = require("@gohighlevel/api-client");
const client = new HighLevel(
  clientSecret ? { clientId: idOrToken, clientSecret } : { privateIntegrationToken: idOrToken },
);
// `refreshToken` takes no options.
client.httpClient.defaults.baseURL = baseURL;
const declared = (service, file) =>
  readFileSync(`${folder}/@gohighlevel/api-client/dist/lib/code/${service}/${file}.d.ts`, "utf8");

async function call({ service, method, version, arguments: given }) {
  try {
    const raw = await client[service][method](...given, version ? { headers: { Version: version } } : {});
    // The client declares no model for this answer; it is that of `getAccessToken`.
    const type = answerOf(declared(service, service), method === "refreshToken" ? "getAccessToken" : method);
    return { raw, differences: differences(models(declared(service, `models/${service}`)), raw, type) };
  } catch (error) {
    return { error: `${error.statusCode ?? ""} ${JSON.stringify(error.response ?? error.message)}` };
  }
}

for await (const line of createInterface({ input: process.stdin })) {
  console.log(JSON.stringify(await call(JSON.parse(line))));
}
