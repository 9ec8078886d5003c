// One row: serves a page, has a browser open it, and waits for what the page's program hands back.
import { isDeepStrictEqual } from "node:util";
import { SUITE_MILLISECONDS } from "../host.mjs";
import { serve } from "./server.mjs";

/**
 * A page that a browser has loaded.
 * @typedef {object} OpenPage
 * @property {string} version the browser's
 * @property {Promise<never>} lost rejects when the page or the browser ends by itself
 * @property {() => Promise<void>} close
 */

/**
 * Loads pages/index.html with a query, from an origin. What the console says goes to `log`. Throws a HostStartError.
 * @typedef {(origin: string, query: string, log: (line: string) => void) => Promise<OpenPage>} Open
 */

/** @typedef {import("../../pages/surroundings.mjs").Surroundings} Surroundings */

/**
 * @typedef {object} PageRun
 * @property {string} program the module in pages/ whose `run` is called
 * @property {Record<string, string>} headers
 * @property {Surroundings} expected where the program must find itself, or the row proves nothing
 * @property {Open} open
 */

/** @param {string} reason @param {string[]} lines */
const withConsole = (reason, lines) => new Error([reason, ...lines.map((line) => `  console: ${line}`)].join("\n"));

/**
 * The promise's value. Throws when it takes longer.
 * @template Value
 * @param {Promise<Value>} promise
 * @param {number} seconds
 * @param {string} awaited
 */
export async function within(promise, seconds, awaited) {
  /** @type {NodeJS.Timeout | undefined} */
  let timer;
  const tooLate = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Error(`waited ${seconds} s for ${awaited}`)), seconds * 1000);
  });
  try {
    return /** @type {Value} */ (await Promise.race([promise, tooLate]));
  } finally {
    clearTimeout(timer);
  }
}

/**
 * What the page's program returns, and the browser's version. Throws a HostStartError when the page doesn't load, and an
 * Error with the lines of its console when the program fails.
 * @param {string} folder
 * @param {PageRun} run
 * @returns {Promise<{ version: string, result: unknown }>}
 */
export async function runPage(folder, { program, headers, expected, open }) {
  /** @type {string[]} */
  const lines = [];
  const log = (/** @type {string} */ line) => void lines.push(line);
  const server = await serve(folder, headers, log);
  try {
    const query = new URLSearchParams({ program, reportTo: server.origin }).toString();
    const page = await open(server.origin, query, log);
    try {
      const outcome = await within(
        Promise.race([server.outcome, page.lost]),
        SUITE_MILLISECONDS / 1000,
        `the outcome of ${program}.mjs`,
      );
      if ("error" in outcome) throw new Error(outcome.error);
      const { surroundings, ...result } = /** @type {{ surroundings: Surroundings }} */ (outcome.result);
      if (!isDeepStrictEqual(surroundings, expected)) {
        const [found, wanted] = [surroundings, expected].map((value) => JSON.stringify(value));
        throw new Error(`the program ran in ${found}, where ${wanted} was to be tried`);
      }
      return { version: page.version, result };
    } catch (error) {
      throw withConsole(/** @type {Error} */ (error).message, lines);
    } finally {
      await page.close();
    }
  } finally {
    server.close();
  }
}
