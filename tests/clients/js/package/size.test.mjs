// What the client adds to a page, minified and gzipped.
import assert from "node:assert/strict";
import { test } from "node:test";
import { gzipSync } from "node:zlib";

import { bundle } from "./packages.mjs";

const LIMITS = {
  'export { Tidings } from "./tidings.js"': 8_192,
  'export { Tidings } from "./tidings.js"; export { useRoom, useTidings } from "./react.js"': 9_216,
  'export { newId } from "./tidings.js"': 512,
};

for (const [contents, limit] of Object.entries(LIMITS)) {
  test(`at most ${limit} bytes: ${contents}`, async (context) => {
    const text = await bundle(contents, { minify: true, format: "esm", external: ["react"] });
    const bytes = gzipSync(text, { level: 9 }).length;
    context.diagnostic(`${bytes} bytes of ${limit}`);
    assert.ok(bytes <= limit, `${bytes} bytes`);
  });
}
