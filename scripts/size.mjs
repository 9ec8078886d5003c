// What each entry weighs in a user's bundle, what a subpath adds to one, and what each WebAssembly file weighs: minified by
// esbuild, then gzip. Fails over the budget. `npm run size`, on a fresh dist/.
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";
import { build } from "esbuild";
import "./build-js.mjs";
import { buildNames } from "./wasm-recipe.mjs";

const KIBIBYTE = 1024;
const root = fileURLToPath(new URL("..", import.meta.url));

/** `export *` of each entry; the wasm files that it imports are counted by themselves. `budget` is in KB of 1024 bytes. */
const entries = [
  { name: "default, all builds", file: "index.js", budget: 112 },
  { name: "slim, JavaScript", file: "slim.js", budget: 22 },
  { name: "slim where modules alone are taken, JavaScript", file: "slim-module-only.js", budget: 22 },
  { name: "workerd, JavaScript", file: "workerd.js" },
  { name: "edge-light, JavaScript", file: "edge-light.js" },
];

/** What a bundle with `base` grows by. */
const subpaths = [
  { name: "train adds to the default", base: "index.js", file: "train.js", budget: 26 },
  { name: "nn adds to slim", base: "slim.js", file: "nn.js" },
  { name: "io adds to slim", base: "slim.js", file: "io.js" },
];

const WASM_BUDGET = 64;

/** A bundle of everything that some files of dist/ export. */
async function bundle(/** @type {string[]} */ ...files) {
  const { outputFiles } = await build({
    stdin: { contents: files.map((file) => `export * from "./dist/${file}";`).join("\n"), resolveDir: root },
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

const sizes = (/** @type {Uint8Array} */ bytes) => ({
  plain: bytes.length / KIBIBYTE,
  gzip: gzipSync(bytes, { level: 9 }).length / KIBIBYTE,
});

const [ofEntries, ofSubpaths] = await Promise.all([
  Promise.all(entries.map(async ({ file, ...row }) => ({ ...row, ...sizes(await bundle(file)) }))),
  Promise.all(
    subpaths.map(async ({ base, file, ...row }) => {
      const [before, after] = [sizes(await bundle(base)), sizes(await bundle(base, file))];
      return { ...row, plain: after.plain - before.plain, gzip: after.gzip - before.gzip };
    }),
  ),
]);
const ofWasmFiles = buildNames.map((name) => ({
  name: `${name}.wasm`,
  budget: WASM_BUDGET,
  ...sizes(readFileSync(`${root}/ts/wasm/${name}.wasm`)),
}));

/** @type {{ name: string, budget?: number, plain: number, gzip: number }[]} */
const rows = [...ofEntries, ...ofSubpaths, ...ofWasmFiles];
const isOver = (/** @type {typeof rows[number]} */ { budget, gzip }) => budget !== undefined && gzip > budget;
const width = Math.max(...rows.map(({ name }) => name.length));
console.log(`${"KB of 1024 bytes".padEnd(width)}  minified     gzip   budget`);
for (const row of rows) {
  const { name, plain, gzip, budget } = row;
  const numbers = [plain.toFixed(1), gzip.toFixed(1), budget?.toFixed(0) ?? "-"].map((text) => text.padStart(8));
  console.log(`${name.padEnd(width)}  ${numbers.join(" ")}${isOver(row) ? "  OVER" : ""}`);
}
if (rows.some(isOver)) process.exitCode = 1;
