// What each entry weighs in a user's bundle, and what each WebAssembly file weighs: minified by esbuild, then gzip. Fails
// over the budget. `npm run size`, on a fresh dist/.
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";
import { build } from "esbuild";
import "./build-js.mjs";

const KIBIBYTE = 1024;
const root = fileURLToPath(new URL("..", import.meta.url));

/** `export *` of each entry; the wasm files that it imports are counted by themselves. `budget` is in KB of 1024 bytes. */
const entries = [
  { name: "default, both arithmetics", file: "index.js", budget: 104 },
  { name: "slim, JavaScript", file: "slim.js", budget: 17 },
  { name: "slim where modules alone are taken, JavaScript", file: "slim-module-only.js", budget: 17 },
  { name: "workerd, JavaScript", file: "workerd.js" },
  { name: "edge-light, JavaScript", file: "edge-light.js" },
  { name: "nn, with what it needs of the runtime", file: "nn.js" },
  { name: "io, with what it needs of the runtime", file: "io.js" },
];
const wasmFiles = ["separate.wasm", "fused.wasm"];
const wasmBudget = 42;

/** A bundle of everything that a file of dist/ exports. */
async function bundle(/** @type {string} */ file) {
  const { outputFiles } = await build({
    stdin: { contents: `export * from "./dist/${file}";`, resolveDir: root },
    bundle: true,
    minify: true,
    format: "esm",
    external: ["*.wasm", "*.wasm?module"],
    write: false,
    // The subpaths import what they share for its order alone.
    logOverride: { "ignored-bare-import": "silent" },
  });
  return outputFiles[0].contents;
}

const rows = [
  ...(await Promise.all(entries.map(async ({ file, ...row }) => ({ ...row, bytes: await bundle(file) })))),
  ...wasmFiles.map((name) => ({ name, budget: wasmBudget, bytes: readFileSync(`${root}/ts/wasm/${name}`) })),
].map(({ name, budget, bytes }) => {
  const gzip = gzipSync(bytes, { level: 9 }).length / KIBIBYTE;
  return { name, budget, plain: bytes.length / KIBIBYTE, gzip, isOver: budget !== undefined && gzip > budget };
});

const width = Math.max(...rows.map(({ name }) => name.length));
console.log(`${"KB of 1024 bytes".padEnd(width)}  minified     gzip   budget`);
for (const { name, budget, plain, gzip, isOver } of rows) {
  const numbers = [plain.toFixed(1), gzip.toFixed(1), budget?.toFixed(0) ?? "-"].map((text) => text.padStart(8));
  console.log(`${name.padEnd(width)}  ${numbers.join(" ")}${isOver ? "  OVER" : ""}`);
}
if (rows.some(({ isOver }) => isOver)) process.exitCode = 1;
