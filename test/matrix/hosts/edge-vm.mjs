// Vercel's edge runtime: its virtual machine, in which nothing is compiled from text or bytes, as in production.
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { buildNames } from "../../../scripts/wasm-recipe.mjs";
import { bundle } from "../bundle.mjs";
import { CORE } from "./host.mjs";
import { installed, missingProgram, reportOf } from "./process.mjs";
import packageJson from "@edge-runtime/vm/package.json" with { type: "json" };

const node = installed("node-24/bin/node");

const attemptsFile = fileURLToPath(new URL("module-only-attempts.js", import.meta.url));

/** What runs in the virtual machine: the suite. */
const suite = (/** @type {RegExp | undefined} */ part) => `
  import { compilesBytes } from ${JSON.stringify(attemptsFile)};
  globalThis.report = (async () => {
    if (await compilesBytes()) throw new Error("this machine compiles bytes, so it proves nothing");
    const start = performance.now();
    const { init } = await import("wasm-attention");
    const imported = performance.now();
    (await init()).dispose();
    const startupMilliseconds = { import: imported - start, init: performance.now() - imported };
    const { runSuite } = await import("suite");
    return JSON.stringify({ startupMilliseconds, ...(await runSuite(${part ?? ""})) });
  })();`;

/** Or what must fail. */
const attemptOf = (/** @type {string} */ name) => `
  import { attempts } from ${JSON.stringify(attemptsFile)};
  globalThis.report = attempts[${JSON.stringify(name)}]().then(JSON.stringify);`;

/** What starts it: the host makes modules of the `.wasm` files that a function imports, and hands them over. */
const outside = `
  import { readFileSync } from "node:fs";
  import { EdgeVM } from ${JSON.stringify(installed("@edge-runtime/vm/dist/index.js"))};
  const vm = new EdgeVM({
    codeGeneration: { strings: false, wasm: false },
    extend: (context) => {
      for (const name of ${JSON.stringify(buildNames.map((name) => `${name}.wasm`))}) {
        context[name] = new WebAssembly.Module(readFileSync("node_modules/wasm-attention/ts/wasm/" + name));
      }
      return context;
    },
  });
  vm.evaluate(readFileSync("edge.js", "utf8"));
  console.log("report " + (await vm.context.report));`;

async function run(/** @type {string} */ folder, /** @type {string} */ program) {
  await bundle({
    folder,
    outfile: "edge.js",
    program,
    format: "iife",
    conditions: ["edge-light", "worker"],
    inject: [fileURLToPath(new URL("edge-vm-globals.js", import.meta.url))],
    replaceWasm: (name) => ({ text: `export default globalThis[${JSON.stringify(name)}];` }),
  });
  writeFileSync(join(folder, "edge.mjs"), outside);
  return reportOf(folder, node, ["edge.mjs"]);
}

const NAME = "Vercel's edge VM";
const { version } = packageJson;
const missing = () => missingProgram(node);

/** @type {import("./host.mjs").Host[]} */
export const hosts = [
  {
    name: NAME,
    fuses: true,
    // The engine is that of Node 24.
    part: CORE,
    missing,
    run: async (folder, part) => ({ version, report: await run(folder, suite(part)) }),
  },
];

/** @returns {import("./host.mjs").Refusal} */
const refusal = (/** @type {string} */ attempt, /** @type {string} */ expectedCode) => ({
  name: `${NAME}: ${attempt}`,
  expectedCode,
  missing,
  run: async (folder) => ({ version, ...(await run(folder, attemptOf(attempt))) }),
});

export const refusals = [
  refusal("bytes in place of a module", "ERR_INVALID_TYPE"),
  refusal("more memory than the entry's default", "ERR_OUT_OF_MEMORY"),
];
