// What the runner and its hosts agree on.

/**
 * @typedef {object} SuiteReport
 * @property {number} passed
 * @property {number} failed
 * @property {number} skipped
 * @property {{ test: string, message: string }[]} failures
 * @property {"fused" | "separate"} arithmetic what `init()` picks
 * @property {{ separate: string, fused?: string }} hashes of the output bits, by arithmetic
 */

/**
 * In milliseconds. `import` is null where the host can't import when it is asked to, as in service workers.
 * @typedef {{ import: number | null, init: number }} Startup
 */

/** @typedef {SuiteReport & { startupMilliseconds: Startup }} Report */

/**
 * @typedef {object} Host
 * @property {string} name
 * @property {() => string | undefined} missing what isn't installed and how to get it; undefined where the host can run
 * @property {(folder: string) => Promise<{ version: string, report: Report }>} run in a folder with the installed tarball
 *   and suite.js. Throws a HostStartError when the host itself didn't start.
 */

/** The browser, the process or the page didn't start: nothing was learned about the package. */
export class HostStartError extends Error {
  /** @override */
  name = "HostStartError";
}
