// What the function decides of each request of a table: [{shards, method, target}] in, decisions out.

import { readFileSync } from "node:fs";

import { WEBSOCKETS, deploy } from "./function.mjs";

const rows = JSON.parse(readFileSync(0, "utf8"));
const decide = ({ shards, target, method }) => deploy(WEBSOCKETS[shards])(target, method);
console.log(JSON.stringify(rows.map(decide)));
