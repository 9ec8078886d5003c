// Writes what follows from the operations' records (test/cases/operations.ts): the table in docs/operations.md, the list in the
// README, test/cases/error-bounds.json for the crate, and test/cases/bits.json, with the cases of bits and the hashes of the kernels' bits as they are now. For a record that
// is new, and for a change that is meant to change bits. `npm run update:records`.
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { build } from "esbuild";
import { format, resolveConfig } from "prettier";
import { buildNames } from "./wasm-recipe.mjs";

const RELAXED_SIMD = "--experimental-wasm-relaxed-simd";

/** Node 20 compiles relaxed SIMD with this flag alone; later versions without it, and may not know it. */
if (process.versions.node.startsWith("20.") && !process.execArgv.includes(RELAXED_SIMD)) {
  execFileSync(process.execPath, [RELAXED_SIMD, fileURLToPath(import.meta.url)], { stdio: "inherit" });
} else {
  await update();
}

async function update() {
  const folder = mkdtempSync(join(tmpdir(), "wasm-attention-records-"));
  try {
    const outfile = join(folder, "records.mjs");
    const contents = `
      export { init } from "../ts/entry/default.js";
      export { bitsCases } from "./cases/bits.js";
      export { errorBounds, operationsTable, replaceRow, replaceTable } from "./cases/records.js";`;
    const resolveDir = fileURLToPath(new URL("../test", import.meta.url));
    await build({ stdin: { contents, resolveDir }, bundle: true, format: "esm", platform: "node", outfile });
    /** @type {typeof import("../ts/entry/default.js") & typeof import("../test/cases/bits.js") & typeof import("../test/cases/records.js")} */
    const { init, bitsCases, errorBounds, operationsTable, replaceRow, replaceTable } = await import(
      pathToFileURL(outfile).href
    );

    const page = fileURLToPath(new URL("../docs/operations.md", import.meta.url));
    await store(page, replaceTable(readFileSync(page, "utf8"), operationsTable()), "markdown");

    const readme = fileURLToPath(new URL("../README.md", import.meta.url));
    writeFileSync(readme, replaceRow(readFileSync(readme, "utf8")));

    const bounds = fileURLToPath(new URL("../test/cases/error-bounds.json", import.meta.url));
    await store(bounds, JSON.stringify(errorBounds), "json");

    /** @type {Record<string, string>[]} */
    const hashes = bitsCases.map(() => ({}));
    for (const arithmetic of buildNames) {
      const runtime = await init({ deterministic: arithmetic === "separate" });
      if (runtime.arithmetic !== arithmetic) throw new Error("this host doesn't fuse");
      bitsCases.forEach(({ hash }, index) => (hashes[index][arithmetic] = hash()));
      runtime.dispose();
    }
    const lines = bitsCases.map(({ operation, test: { name, options = {}, ...test } }, index) =>
      JSON.stringify({ name, operation, ...test, options, hashes: hashes[index] }),
    );
    const bits = fileURLToPath(new URL("../test/cases/bits.json", import.meta.url));
    await store(bits, `{"cases":[\n${lines.join(",\n")}]}`, "json");
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

async function store(
  /** @type {string} */ path,
  /** @type {string} */ text,
  /** @type {"json" | "markdown"} */ parser,
) {
  writeFileSync(path, await format(text, { ...(await resolveConfig(path)), parser }));
}
