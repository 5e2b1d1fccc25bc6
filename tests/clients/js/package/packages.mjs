// What `make node` installs beside the client: a bundler, React, a WebSocket.
import { createRequire } from "node:module";

export const CLIENT = new URL("../../../../clients/js/", import.meta.url).pathname;
export const packages = createRequire(`${CLIENT}package.json`);

/** What a page gets that imports this from the client, with a bundler that leaves out the rest. */
export async function bundle(contents, options = {}) {
  const { build } = packages("esbuild");
  const stdin = { contents, resolveDir: CLIENT };
  const made = await build({ stdin, bundle: true, write: false, target: "es2022", logLevel: "silent", ...options });
  return made.outputFiles[0].text;
}
