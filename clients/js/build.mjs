// Builds what a package has beside the sources: CommonJS, and its types. `npm pack` runs it.
import { readFile, rm, writeFile } from "node:fs/promises";
import { build } from "esbuild";

const here = new URL(".", import.meta.url).pathname;
const entries = ["tidings", "react", "socketio"];

await rm(`${here}dist`, { recursive: true, force: true });
await build({
  absWorkingDir: here,
  entryPoints: entries.map((name) => `${name}.js`),
  outdir: "dist",
  outExtension: { ".js": ".cjs" },
  bundle: true,
  external: ["react"],
  format: "cjs",
  target: "es2022",
  logLevel: "warning",
});
for (const name of entries) {
  const types = await readFile(`${here}${name}.d.ts`, "utf8");
  await writeFile(`${here}dist/${name}.d.cts`, types.replaceAll('from "./tidings.js"', 'from "./tidings.cjs"'));
}
