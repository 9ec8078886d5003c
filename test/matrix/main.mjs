// `npm run matrix`: runs the suite on the packed package in every runtime that is installed here, and compares the bits of
// all of them with those of a native build.
import { readFileSync, writeFileSync } from "node:fs";
import Table from "cli-table3";
import { Option, program } from "commander";
import { systemName } from "../../scripts/system-name.mjs";
import { faultsOf } from "./check.mjs";
import * as browsers from "./hosts/browsers.mjs";
import * as commandLine from "./hosts/command-line.mjs";
import * as edgeVm from "./hosts/edge-vm.mjs";
import { HostStartError } from "./hosts/host.mjs";
import { nativeHashes } from "./hosts/native.mjs";
import * as workerd from "./hosts/workerd.mjs";
import { makeProject } from "./project.mjs";
import { replaceTable } from "./readme-table.mjs";

const options = program
  .name("npm run matrix --")
  .description("Runs the suite in every runtime that is installed, on the package as dist/ has it.")
  .option("--host <text>", "only hosts whose name contains this text")
  .option("--require-all", "fail where a runtime isn't installed", false)
  .option("--whole", "run the whole suite everywhere, not only in one place of each runtime", false)
  .addOption(
    new Option("--record", "write the run to test/matrix/record.json and its table into the README")
      .conflicts("host")
      .implies({ requireAll: true, whole: true }),
  )
  .parse()
  .opts();

const hosts = [...commandLine.hosts, ...workerd.hosts, ...edgeVm.hosts, ...browsers.hosts];
const refusals = [...workerd.refusals, ...edgeVm.refusals, ...browsers.refusals];

const isChosen = (/** @type {{ name: string }} */ { name }) =>
  options.host === undefined || name.toLowerCase().includes(options.host.toLowerCase());

if (![...hosts, ...refusals].some(isChosen)) {
  program.error(`error: no host has such a name; there are ${hosts.map(({ name }) => name).join("; ")}`);
}

let isGreen = true;

function complain(/** @type {string} */ name, /** @type {string[]} */ lines) {
  isGreen = false;
  console.log(`${name}: FAILED\n  ${lines.join("\n  ")}`);
}

/**
 * What a host gives; undefined, with a word about it, when it isn't installed or fails. One that doesn't start is tried
 * once more.
 * @template T
 * @param {{ name: string, missing: () => string | undefined }} host
 * @param {() => Promise<T>} run
 * @returns {Promise<T | undefined>}
 */
async function attempt(host, run) {
  const missing = host.missing();
  if (missing !== undefined) {
    const text = `not installed: ${missing}`;
    if (options.requireAll) complain(host.name, [text]);
    else console.log(`${host.name}: ${text}`);
    return undefined;
  }
  try {
    try {
      return await run();
    } catch (error) {
      if (!(error instanceof HostStartError)) throw error;
      console.log(`${host.name}: did not start, trying once more: ${error.message}`);
      return await run();
    }
  } catch (error) {
    complain(host.name, [error instanceof Error ? String(error.stack) : String(error)]);
    return undefined;
  }
}

/** @type {import("./readme-table.mjs").Row[]} */
const rows = [];
/** @type {import("./readme-table.mjs").Record["refusals"]} */
const refused = [];
const native = await nativeHashes();
if (native === undefined) {
  if (options.requireAll) complain("native build", ["cargo isn't installed"]);
  else console.log("native build: cargo isn't installed; the hosts are compared with each other");
}

const folder = makeProject();
try {
  /** @type {import("./check.mjs").Expected} */
  let expected = { hashes: native ?? {}, lossHashes: {}, tests: {} };
  for (const host of hosts.filter(isChosen)) {
    const part = options.whole ? undefined : host.part;
    const result = await attempt(host, () => host.run(folder, part));
    if (result === undefined) continue;
    const { version, emulator, report } = result;
    // Without a native build the first host that has an arithmetic says what its bits are, and the first that runs
    // a file how many tests it has.
    expected = {
      hashes: { ...report.hashes, ...expected.hashes },
      lossHashes: { ...report.lossHashes, ...expected.lossHashes },
      tests: { ...report.tests, ...expected.tests },
    };
    const faults = faultsOf({ fuses: host.fuses, part }, report, expected);
    const { passed, arithmetic, hashes, lossHashes, startupMilliseconds } = report;
    const of = part === undefined ? "" : " of the suite's core";
    if (faults.length > 0) complain(host.name, faults);
    else console.log(`${host.name} ${version}: ${passed} tests passed${of}, ${arithmetic} arithmetic`);
    rows.push({ host: host.name, version, emulator, arithmetic, passed, hashes, lossHashes, startupMilliseconds });
  }
  for (const host of refusals.filter(isChosen)) {
    const result = await attempt(host, () => host.run(folder));
    if (result === undefined) continue;
    const { version, code, message } = result;
    if (code !== host.expectedCode) complain(host.name, [`expected ${host.expectedCode}, got ${code}: ${message}`]);
    else console.log(`${host.name} ${version}: refused with ${code}`);
    refused.push({ host: host.name, version, code });
  }
} finally {
  await browsers.close();
}

const printed = new Table({
  head: ["host", "version", "arithmetic", "passed", "separate", "losses", "fused", "losses", "import + init"],
  colAligns: ["left", "left", "left", "right", "left", "left", "left", "left", "right"],
  style: { head: [], border: [] },
});
if (native !== undefined) printed.push(["native Rust", "", "", "", native.separate, "", native.fused, "", ""]);
for (const { host, version, arithmetic, passed, hashes, lossHashes, startupMilliseconds } of rows) {
  const { import: imported, init } = startupMilliseconds;
  const startup = imported === null ? `init ${init.toFixed(1)} ms` : `${imported.toFixed(1)} + ${init.toFixed(1)} ms`;
  const bits = [hashes.separate, lossHashes.separate, hashes.fused, lossHashes.fused].map((hash) => hash ?? "");
  printed.push([host, version, arithmetic, passed, ...bits, startup]);
}
console.log(printed.toString());

if (options.record && native !== undefined && isGreen) {
  const date = new Date().toISOString().slice(0, 10);
  const record = { date, system: systemName(), nativeHashes: native, rows, refusals: refused };
  writeFileSync(new URL("record.json", import.meta.url), `${JSON.stringify(record, null, 2)}\n`);
  const readme = new URL("../../README.md", import.meta.url);
  writeFileSync(readme, replaceTable(readFileSync(readme, "utf8"), record));
}
if (!isGreen) process.exitCode = 1;
