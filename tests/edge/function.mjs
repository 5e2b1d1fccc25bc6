// CloudFront's side of the origin-choosing function: its module `cloudfront`, its events, its answer.

import { readFileSync } from "node:fs";

const HERE = new URL(".", import.meta.url);
const SOURCE = readFileSync(new URL("../../terraform/modules/edge/function.js", HERE), "utf8");
const IMPORT = "import cf from 'cloudfront';\n";
export const WEBSOCKETS = JSON.parse(readFileSync(new URL("websockets.json", HERE), "utf8"));

// What the deployed function with these targets makes of a request: {origin, path}.
export function deploy(websockets, httpStage = "") {
  if (!SOURCE.startsWith(IMPORT)) throw new Error("CloudFront wants the import in the first line");
  const code = SOURCE.slice(IMPORT.length)
    .replace("${websockets}", () => JSON.stringify(websockets))
    .replace("${http_stage}", () => httpStage);
  return (target, method = "GET", headers = {}) => {
    let origin = "http"; // the default behaviour's
    const cf = { selectRequestOriginById: (id) => void (origin = id) };
    const handler = new Function("cf", `${code}\nreturn handler;`)(cf);
    const request = handler(event(target, method, headers));
    const { uri: path, querystring: query, headers: sent } = request;
    return { origin, path, query, method: request.method, headers: sent };
  };
}

// https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/functions-event-structure.html
function event(target, method, more) {
  const [uri, query = ""] = target.split("?");
  const querystring = {};
  for (const pair of query.split("&").filter(Boolean)) {
    const [name, value = ""] = pair.split("=");
    const known = querystring[name];
    if (known) (known.multiValue ??= [{ value: known.value }]).push({ value });
    else querystring[name] = { value };
  }
  const headers = { host: { value: "chat.example.com" }, ...more };
  return {
    version: "1.0",
    context: { eventType: "viewer-request" },
    viewer: { ip: "192.0.2.1" },
    request: { method, uri, querystring, headers, cookies: {} },
  };
}
