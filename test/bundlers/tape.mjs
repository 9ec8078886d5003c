// Whether files hold the code of the backward pass: texts of its errors, which minifiers keep. One is the graph's, one a
// rule's, which only the table of rules reaches.
import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

const texts = [
  "the graph has been freed by an earlier backward",
  "backward: the working memory for these sizes exceeds 4 GiB",
];

const holdsAny = (/** @type {Buffer} */ file) => texts.some((text) => file.includes(text));

/**
 * What imports nothing of train carries none of it, and what does carries it whole.
 * @param {string} where
 * @param {string} project
 * @param {readonly Buffer[]} files
 * @param {boolean} isDue
 */
export function checkTape(where, project, files, isDue) {
  const dist = join(project, "node_modules/wasm-attention/dist");
  const holders = readdirSync(dist).filter((name) => /js$/.test(name) && holdsAny(readFileSync(join(dist, name))));
  assert.deepEqual(holders, ["train.cjs", "train.js"], "what could be searched for is elsewhere");
  const found = texts.filter((text) => files.some((file) => file.includes(text)));
  assert.deepEqual(found, isDue ? texts : [], `${where}: the backward pass`);
}
