// What every host of the matrix is: a runtime that runs the suite once, on the package installed in a clean folder.

/** @typedef {import("../suite/main.js").SuiteReport} SuiteReport */

/**
 * What a host's program reports: the suite's report, and how long the package took to import and to `init()` before it,
 * where the host's clock tells.
 * @typedef {SuiteReport & { startupMilliseconds: number | null }} Report
 */

/**
 * @typedef {object} Host
 * @property {string} name
 * @property {boolean} fuses    whether it must run fused arithmetic: it accepts relaxed SIMD, and fuses
 * @property {() => string | undefined} missing    what isn't installed here, and how to get it; undefined when it can run
 * @property {(folder: string) => Promise<{ version: string, report: Report }>} run
 *   runs the suite on `folder`/node_modules/wasm-attention. Throws a HostStartError when the host itself didn't start: then
 *   it is tried once more. Any other error is final.
 */

/** The browser, the server or the process didn't come up: nothing is said about the package. */
export class HostStartError extends Error {}

/** How long the suite may take, on a machine with other work to do. */
export const SUITE_MILLISECONDS = 300_000;
