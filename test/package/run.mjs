// Tests the tarball: its exact files, its types under strict settings, and both module formats in a project of its own.
// `npm run test:package`, after `npm run build`.
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("../..", import.meta.url));
const compiler = createRequire(import.meta.url).resolve("typescript/bin/tsc");
const project = mkdtempSync(join(tmpdir(), "wasm-attention-package-"));

const expectedFiles = [
  "CHANGELOG.md",
  "LICENSE",
  "README.md",
  "THIRD-PARTY-NOTICES.md",
  "dist/index.cjs",
  "dist/index.cjs.map",
  "dist/index.d.cts",
  "dist/index.d.ts",
  "dist/index.js",
  "dist/index.js.map",
  "package.json",
  "ts/wasm/fused.d.wasm.ts",
  "ts/wasm/fused.wasm",
  "ts/wasm/separate.d.wasm.ts",
  "ts/wasm/separate.wasm",
];

const typedUse = `
import { init, initSync, memoryUsage, scaledDotProductAttention, Tensor } from "wasm-attention";
import separate from "wasm-attention/separate.wasm";

export async function attend(): Promise<ArrayLike<number>> {
  const runtime = await init({ module: separate });
  const arithmetic: "separate" | "fused" = runtime.arithmetic;
  const query: Tensor = Tensor.from(new Float32Array([1, 0, 1]), [1, 3]);
  const { output } = scaledDotProductAttention(query, query, { data: [1, 1, 1], shape: [1, 3] }, { isCausal: true });
  const shape: readonly number[] = output.shape;
  console.log(arithmetic, shape, memoryUsage().bytesInUse);
  query[Symbol.dispose]();
  // @ts-expect-error an option that there is not
  scaledDotProductAttention(query, query, query, { causal: true });
  return output.toArray();
}

export const start = (): unknown => initSync({ module: separate });
`;

const use = `
  await init();
  const { output } = scaledDotProductAttention(
    { data: [1, 0, 1], shape: [1, 3] },
    { data: [1, 1, 1], shape: [1, 3] },
    { data: [1, 1, 1], shape: [1, 3] },
  );
  assert.deepEqual([...output.toArray()], [1, 1, 1]);
`;

/** @type {Record<string, string>} */
const programs = {
  "import.mjs": `
    import assert from "node:assert/strict";
    import { createRequire } from "node:module";
    import { init, scaledDotProductAttention, Tensor } from "wasm-attention";
    ${use}
    // One copy, one memory, whichever way it is loaded.
    assert.equal(createRequire(import.meta.url)("wasm-attention").Tensor, Tensor);`,
  "require.cjs": `
    const assert = require("node:assert/strict");
    const { init, scaledDotProductAttention } = require("wasm-attention");
    (async () => {${use}})();`,
  // What Jest and older bundlers take.
  "commonjs.cjs": `
    const assert = require("node:assert/strict");
    const { init, scaledDotProductAttention } = require("./node_modules/wasm-attention/dist/index.cjs");
    (async () => {${use}})();`,
};

/**
 * Runs a program and returns what it prints; where it fails, that is part of the error.
 * @param {string} program
 * @param {string[]} parameters
 * @param {string} [folder]
 */
function run(program, parameters, folder = project) {
  const options = /** @type {const} */ ({ cwd: folder, encoding: "utf8", shell: process.platform === "win32" });
  const { status, stdout, stderr } = spawnSync(program, parameters, options);
  assert.equal(status, 0, `${program} ${parameters.join(" ")}\n${stdout}${stderr}`);
  return stdout;
}

try {
  const packed = run("npm", ["pack", "--json", "--ignore-scripts", "--pack-destination", project], root);
  const [tarball] = JSON.parse(packed);
  const files = tarball.files.map((/** @type {{ path: string }} */ { path }) => path).sort();
  assert.deepEqual(files, expectedFiles);
  console.log(`tarball: ${tarball.size} bytes, unpacked ${tarball.unpackedSize} bytes`);

  writeFileSync(join(project, "package.json"), '{ "private": true }\n');
  run("npm", ["install", "--offline", "--ignore-scripts", "--no-audit", "--no-fund", `./${tarball.filename}`]);

  for (const name of ["index.js.map", "index.cjs.map"]) {
    const { sources, sourcesContent } = JSON.parse(
      readFileSync(join(project, "node_modules/wasm-attention/dist", name), "utf8"),
    );
    sources.forEach((/** @type {string} */ source, /** @type {number} */ index) => {
      if (source.endsWith(".bytes.ts")) assert.equal(sourcesContent[index], "", `${name} repeats the bytes`);
    });
  }

  for (const name of ["use.mts", "use.cts"]) writeFileSync(join(project, name), typedUse);
  const settings = ["--strict", "--noEmit", "--skipLibCheck", "false", "--allowArbitraryExtensions"];
  for (const [module, file] of [
    ["nodenext", "use.mts"],
    ["nodenext", "use.cts"],
    ["bundler", "use.mts"],
  ]) {
    const kind = module === "bundler" ? ["--module", "esnext", "--moduleResolution", "bundler"] : ["--module", module];
    run(process.execPath, [compiler, ...settings, ...kind, "--target", "es2022", "--lib", "es2022,dom", file]);
  }

  for (const [name, text] of Object.entries(programs)) {
    writeFileSync(join(project, name), text);
    run(process.execPath, [name]);
  }
  console.log("the tarball's files, types and both module formats are as expected");
} finally {
  rmSync(project, { recursive: true, force: true });
}
