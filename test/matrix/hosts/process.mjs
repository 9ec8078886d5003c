// Hosts that are a program of the command line: the suite is a file that it runs, and the report a line that it prints.
import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { HostStartError, SUITE_MILLISECONDS } from "./host.mjs";

const run = promisify(execFile);
const OUTPUT_BYTES = 2 ** 24;

/** The path of a file of the matrix's own packages. */
export const installed = (/** @type {string} */ path) =>
  fileURLToPath(new URL(`../node_modules/${path}`, import.meta.url));

/** What `missing` says of a program that npm didn't install here. */
export const missingProgram = (/** @type {string} */ path) =>
  existsSync(path) ? undefined : "npm ci --prefix test/matrix (on Linux with an x64 processor)";

/**
 * The version that a program states.
 * @param {string} program
 * @param {string[]} [parameters]    before the question, where the program runs another one
 */
export async function versionOf(program, parameters = []) {
  try {
    const { stdout } = await run(program, [...parameters, "--version"], { timeout: 30_000 });
    return /(?:^|\s)v?(\d[\w.-]*)/.exec(stdout)?.[1] ?? stdout.trim();
  } catch (cause) {
    throw new HostStartError(`${program} doesn't start`, { cause });
  }
}

/**
 * Runs a program in the folder until it ends, and returns the report that it printed.
 * @param {string} folder
 * @param {string} program
 * @param {string[]} parameters
 * @param {number} [milliseconds]    after which it is ended
 */
export async function reportOf(folder, program, parameters, milliseconds = SUITE_MILLISECONDS) {
  const { stdout } = await run(program, parameters, { cwd: folder, timeout: milliseconds, maxBuffer: OUTPUT_BYTES });
  const [, report] = /^report (\{.*\})$/m.exec(stdout) ?? [];
  if (report === undefined) throw new Error(`${program} printed no report:\n${stdout}`);
  return JSON.parse(report);
}
