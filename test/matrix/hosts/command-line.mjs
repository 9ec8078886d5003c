// Node, Deno and Bun, which find the package in node_modules, each by its own conditions.
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { bundle } from "../bundle.mjs";
import { installed, missingProgram, reportOf, versionOf } from "./process.mjs";

/** The clock starts before the import, so the suite, which imports the package too, is a file of its own. */
const moduleFormats = {
  esm: {
    packageUrl: (/** @type {string} */ subpath) => `wasm-attention${subpath}`,
    suite: "suite.mjs",
    file: "program.mjs",
    program: `
      const start = performance.now();
      const { init } = await import("wasm-attention");
      const imported = performance.now();
      (await init()).dispose();
      const startupMilliseconds = { import: imported - start, init: performance.now() - imported };
      const { runSuite } = await import("./suite.mjs");
      console.log("report " + JSON.stringify({ startupMilliseconds, ...(await runSuite()) }));`,
  },
  // By its path, since Node's require("wasm-attention") gives the ES module.
  cjs: {
    packageUrl: (/** @type {string} */ subpath) => `./node_modules/wasm-attention/dist${subpath || "/index"}.cjs`,
    suite: "suite.cjs",
    file: "program.cjs",
    program: `
      const start = performance.now();
      const { init } = require("./node_modules/wasm-attention/dist/index.cjs");
      const imported = performance.now();
      init().then(async (runtime) => {
        runtime.dispose();
        const startupMilliseconds = { import: imported - start, init: performance.now() - imported };
        const { runSuite } = require("./suite.cjs");
        console.log("report " + JSON.stringify({ startupMilliseconds, ...(await runSuite()) }));
      });`,
  },
};

/**
 * @typedef {object} Program
 * @property {string} name
 * @property {string} path             of the program, among the matrix's own packages
 * @property {string[]} [parameters]   before the file's name
 * @property {boolean} fuses
 * @property {keyof typeof moduleFormats} [format]
 */

/**
 * @param {Program} program
 * @returns {import("./host.mjs").Host}
 */
function host({ name, path, parameters = [], fuses, format = "esm" }) {
  const program = installed(path);
  return {
    name,
    fuses,
    missing: () => missingProgram(program),
    async run(folder) {
      const version = await versionOf(program);
      const { packageUrl, suite, file, program: text } = moduleFormats[format];
      await bundle({ folder, outfile: suite, program: 'export { runSuite } from "suite";', format, packageUrl });
      writeFileSync(join(folder, file), text);
      return { version, report: await reportOf(folder, program, [...parameters, file]) };
    },
  };
}

const nodes = ["20", "22", "24"].flatMap((major) => {
  const node = { path: `node-${major}/bin/node`, fuses: major !== "20" };
  return [
    host({ ...node, name: `Node ${major}: ES module` }),
    host({ ...node, name: `Node ${major}: CommonJS`, format: "cjs" }),
  ];
});

export const hosts = [
  ...nodes,
  host({ name: "Deno", path: "@deno/linux-x64-glibc/deno", parameters: ["run", "--allow-all"], fuses: true }),
  host({ name: "Bun", path: "@oven/bun-linux-x64/bin/bun", fuses: false }),
];
