// Vercel's edge runtime: its virtual machine, in which nothing is compiled from text or bytes, as in production.
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { bundle } from "../bundle.mjs";
import { installed, missingProgram, reportOf } from "./process.mjs";
import packageJson from "@edge-runtime/vm/package.json" with { type: "json" };

const node = installed("node-24/bin/node");

/** What runs in the virtual machine. */
const inside = `
  globalThis.report = (async () => {
    const compile = WebAssembly.compile(Uint8Array.of(0, 0x61, 0x73, 0x6d, 1, 0, 0, 0));
    if (await compile.then(() => true, () => false)) throw new Error("this machine compiles bytes, so it proves nothing");
    const start = performance.now();
    const { init } = await import("wasm-attention");
    const imported = performance.now();
    (await init()).dispose();
    const startupMilliseconds = { import: imported - start, init: performance.now() - imported };
    const { runSuite } = await import("suite");
    return JSON.stringify({ startupMilliseconds, ...(await runSuite()) });
  })();`;

/** What starts it: the host makes modules of the `.wasm` files that a function imports, and hands them over. */
const outside = `
  import { readFileSync } from "node:fs";
  import { EdgeVM } from ${JSON.stringify(installed("@edge-runtime/vm/dist/index.js"))};
  const vm = new EdgeVM({
    codeGeneration: { strings: false, wasm: false },
    extend: (context) => {
      for (const name of ["separate.wasm", "fused.wasm"]) {
        context[name] = new WebAssembly.Module(readFileSync("node_modules/wasm-attention/ts/wasm/" + name));
      }
      return context;
    },
  });
  vm.evaluate(readFileSync("edge.js", "utf8"));
  console.log("report " + (await vm.context.report));`;

/** @type {import("./host.mjs").Host} */
const host = {
  name: "Vercel's edge VM",
  fuses: true,
  missing: () => missingProgram(node),
  async run(folder) {
    await bundle({
      folder,
      outfile: "edge.js",
      program: inside,
      format: "iife",
      conditions: ["edge-light", "worker"],
      inject: [fileURLToPath(new URL("edge-vm-globals.js", import.meta.url))],
      replaceWasm: (name) => ({ text: `export default globalThis[${JSON.stringify(name)}];` }),
    });
    writeFileSync(join(folder, "edge.mjs"), outside);
    return { version: packageJson.version, report: await reportOf(folder, node, ["edge.mjs"]) };
  },
};

export const hosts = [host];
