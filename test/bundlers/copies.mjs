// How often each WebAssembly build is in a set of files, in any of the forms that a bundler could give it.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { buildNames } from "../../scripts/wasm-recipe.mjs";

/** @typedef {{ name: string, forms: readonly Buffer[] }} Build */

/** What to look for: the file, the same as a data URL would have it, and the text of the default entry that holds all builds. */
export function readBuilds(/** @type {string} */ project) {
  const folder = join(project, "node_modules/wasm-attention");
  const entry = readFileSync(join(folder, "dist/index.js"), "utf8");
  const texts = [...entry.matchAll(/"([A-Za-z0-9+/=]{10000,})"/g)].map(([, text]) => text);
  assert.equal(texts.length, 1, `the default entry has ${texts.length} texts that could hold builds`);
  return buildNames.map((name) => {
    const wasm = readFileSync(join(folder, `ts/wasm/${name}.wasm`));
    return { name, forms: [wasm, Buffer.from(wasm.toString("base64")), Buffer.from(texts[0])] };
  });
}

/** @param {Buffer} bytes @param {Buffer} part */
function countIn(bytes, part) {
  let count = 0;
  for (let at = bytes.indexOf(part); at !== -1; at = bytes.indexOf(part, at + part.length)) count++;
  return count;
}

const isWasm = (/** @type {Buffer} */ file) => file.subarray(0, 4).toString("latin1") === "\0asm";

/**
 * Each build so many times; as `.wasm` files exactly where that is how they are loaded.
 * @param {string} where
 * @param {readonly Build[]} builds
 * @param {readonly Buffer[]} files
 * @param {Record<string, number>} expected by name
 * @param {number} wasmFiles
 */
export function checkCopies(where, builds, files, expected, wasmFiles) {
  const found = Object.fromEntries(
    builds.map(({ name, forms }) => [
      name,
      files.reduce((sum, file) => forms.reduce((count, form) => count + countIn(file, form), sum), 0),
    ]),
  );
  assert.deepEqual(found, expected, `${where}: copies of each build`);
  assert.equal(files.filter(isWasm).length, wasmFiles, `${where}: .wasm files`);
}

/** Each file by itself, as it is sent. */
export const gzipSize = (/** @type {readonly Buffer[]} */ files) =>
  files.reduce((sum, file) => sum + gzipSync(file, { level: 9 }).length, 0);
