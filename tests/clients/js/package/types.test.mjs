// The types, by `tsc --strict`, against what the modules really export.
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { cpSync, mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";

import { CLIENT } from "./packages.mjs";

const ENTRIES = { "@tidings/client": "tidings", "@tidings/client/react": "react", "@tidings/client/socketio": "socketio" };
const CONFIG = {
  compilerOptions: {
    strict: true,
    noEmit: true,
    exactOptionalPropertyTypes: true,
    noUncheckedIndexedAccess: true,
    module: "nodenext",
    target: "es2022",
    lib: ["es2022", "dom"],
    types: [],
  },
};

/** A project that has the package installed and built, beside what the package may need. */
function project(files) {
  const folder = mkdtempSync(join(tmpdir(), "tidings-types-"));
  cpSync(new URL("types", import.meta.url), folder, { recursive: true });
  const installed = join(folder, "node_modules/@tidings/client");
  mkdirSync(installed, { recursive: true });
  for (const name of readdirSync(CLIENT).filter((each) => /\.(js|mjs|ts|json)$/.test(each))) cpSync(join(CLIENT, name), join(installed, name));
  for (const name of ["react", "csstype", "@types", "esbuild"]) symlinkSync(join(CLIENT, "node_modules", name), join(folder, "node_modules", name));
  const { status, stderr } = spawnSync(process.execPath, ["build.mjs"], { cwd: installed, encoding: "utf8" });
  assert.equal(status, 0, stderr);
  writeFileSync(join(folder, "tsconfig.json"), JSON.stringify(CONFIG));
  for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, name), text);
  return folder;
}

function check(files = {}) {
  const folder = project(files);
  try {
    const { status, stdout } = spawnSync(join(CLIENT, "node_modules/.bin/tsc"), ["-p", folder], { encoding: "utf8" });
    return { status, stdout };
  } finally {
    rmSync(folder, { recursive: true });
  }
}

const members = (of) => Object.getOwnPropertyNames(of.prototype).filter((name) => name !== "constructor");
const union = (names) => names.map((name) => JSON.stringify(name)).join(" | ") || "never";

/** A program that is only right if these are all the names, and no others. */
async function allNames() {
  const lines = ["type Same<A, B> = [A] extends [B] ? ([B] extends [A] ? true : false) : false;"];
  for (const [name, file] of Object.entries(ENTRIES)) {
    const module = await import(`${CLIENT}${file}.js`);
    lines.push(`const ${file}: Same<keyof typeof import("${name}"), ${union(Object.keys(module))}> = true;`);
  }
  const { Tidings } = await import(`${CLIENT}tidings.js`);
  lines.push(`const client: Same<keyof import("@tidings/client").Tidings, ${union(members(Tidings))}> = true;`);
  return `${lines.join("\n")}\nexport { tidings, react, socketio, client };\n`;
}

test("the types have exactly the names that the modules export, accept the usage and refuse the misuse", async () => {
  const { status, stdout } = check({ "names.mts": await allNames() });
  assert.equal(status, 0, stdout);
});

test("a name too many, and a misuse that is accepted, are found", async () => {
  const names = (await allNames()).replace('"newId"', '"newId" | "oldId"');
  const accepted = "// @ts-expect-error: nothing\nexport const right: number = 1;\n";
  const { status, stdout } = check({ "names.mts": names, "accepted.mts": accepted });
  assert.notEqual(status, 0);
  assert.match(stdout, /names\.mts/);
  assert.match(stdout, /accepted\.mts.*TS2578/);
});
