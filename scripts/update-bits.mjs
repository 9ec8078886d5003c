// Stores the hashes of the kernels' bits, as they are now, in test/cases/bits.json: for a change that is meant to change bits.
// `node scripts/update-bits.mjs`, on a host that fuses (Node 22 or newer).
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { build } from "esbuild";
import { format, resolveConfig } from "prettier";

const path = fileURLToPath(new URL("../test/cases/bits.json", import.meta.url));
const folder = mkdtempSync(join(tmpdir(), "wasm-attention-bits-"));
const outfile = join(folder, "bits.mjs");
try {
  const contents = 'export { init } from "../ts/entry/default.js"; export { hashOf } from "./cases/bits.js";';
  const resolveDir = fileURLToPath(new URL("../test", import.meta.url));
  await build({ stdin: { contents, resolveDir }, bundle: true, format: "esm", outfile });
  /** @type {typeof import("../ts/entry/default.js") & typeof import("../test/cases/bits.js")} */
  const { init, hashOf } = await import(pathToFileURL(outfile).href);
  const { cases } = /** @type {{ cases: import("../test/cases/bits.js").BitsCase[] }} */ (
    JSON.parse(readFileSync(path, "utf8"))
  );
  for (const arithmetic of /** @type {const} */ (["separate", "fused"])) {
    const runtime = await init({ deterministic: arithmetic === "separate" });
    if (runtime.arithmetic !== arithmetic) throw new Error("this host doesn't fuse: take Node 22 or newer");
    for (const bitsCase of cases) bitsCase.hashes[arithmetic] = hashOf(bitsCase);
    runtime.dispose();
  }
  const lines = cases.map((bitsCase) => JSON.stringify(bitsCase)).join(",\n");
  writeFileSync(path, await format(`{"cases":[\n${lines}]}`, { ...(await resolveConfig(path)), parser: "json" }));
} finally {
  rmSync(folder, { recursive: true, force: true });
}
