// What every host of the matrix is: a runtime that runs the suite once, on the package installed in a clean folder.

/** @typedef {import("../suite/main.js").SuiteReport} SuiteReport */

/**
 * How long the package took to import and then to `init()`, for the first time. `import` is null where a host can't import
 * when it is asked to, as in service workers; there `init` says it all.
 * @typedef {{ import: number | null, init: number }} Startup
 */

/** @typedef {SuiteReport & { startupMilliseconds: Startup }} Report */

/**
 * @typedef {object} Host
 * @property {string} name
 * @property {boolean} fuses    whether it must run fused arithmetic: it accepts relaxed SIMD, and fuses
 * @property {RegExp} [part]    the names of the files that it runs unless it is told to run the whole suite: of a runtime one
 *   place runs the whole
 * @property {() => string | undefined} missing    what isn't installed here, and how to get it; undefined when it can run
 * @property {(folder: string, part?: RegExp) => Promise<{ version: string, emulator?: string, report: Report }>} run
 *   runs the suite, or the part, on `folder`/node_modules/wasm-attention. Throws a HostStartError when the host itself didn't start: then it is tried once more. Any other error is final.
 */

/**
 * A host in which something must fail, with an error that says why.
 * @typedef {object} Refusal
 * @property {string} name
 * @property {string} expectedCode
 * @property {() => string | undefined} missing    as a host's
 * @property {(folder: string) => Promise<{ version: string, code: string, message: string }>} run    as a host's
 */

/** The browser, the server or the process didn't come up: nothing is said about the package. */
export class HostStartError extends Error {
  /** @override */
  name = "HostStartError";
}

/** What every place runs, beside loading: bits, memory and other people's answers. */
export const CORE = /^(entry\/subpaths|ops\/(bits|mixed-calls|out-of-memory)|conformance\/.+)$/;
/** What is left of it where the processor is emulated. */
export const EMULATED_CORE = /^(ops\/bits|conformance\/.+)$/;

/**
 * The text of a module that exports `runSuite` for the whole or a part of it.
 * @param {RegExp} [part]
 */
export const suiteProgram = (part) =>
  `import * as suite from "suite"; export const runSuite = () => suite.runSuite(${part ?? ""});`;

/** How long the suite may take, on a machine with other work to do. */
export const SUITE_MILLISECONDS = 300_000;
/** The same where the processor is emulated. */
export const EMULATED_SUITE_MILLISECONDS = 3_600_000;
