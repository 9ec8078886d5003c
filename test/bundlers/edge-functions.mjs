// What Next.js deploys for each edge route, as its manifest lists it.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";

/**
 * The files of an edge route, its `.wasm` files among them.
 * @param {string} project
 * @param {string} route
 */
export function edgeFunctionFiles(project, route) {
  const build = join(project, ".next");
  const { functions } = JSON.parse(readFileSync(join(build, "server/middleware-manifest.json"), "utf8"));
  const found = Object.entries(functions).filter(([name]) => name === route || name === `${route}/route`);
  assert.equal(found.length, 1, `${route} among ${Object.keys(functions).join(", ")}`);
  const [[, { files, wasm }]] = found;
  const paths = [...files, ...wasm.map((/** @type {{ filePath: string }} */ { filePath }) => filePath)];
  return [...new Set(paths)].map((path) => readFileSync(join(build, path)));
}
