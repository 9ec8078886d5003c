// The rows of the matrix that run in browsers: pages and workers in three engines, and an extension in Chromium.
import { bundle } from "../bundle.mjs";
import { writeExtension, wasmPolicy } from "./browser/extension.mjs";
import { chromium, firefox } from "./browser/puppeteer-engine.mjs";
import { runPage } from "./browser/run-page.mjs";
import { CORE, suiteProgram } from "./host.mjs";
import { webkit } from "./browser/webkit-engine.mjs";

/** @typedef {import("./host.mjs").Host} Host */
/** @typedef {import("./host.mjs").Report} Report */
/** @typedef {import("./browser/run-page.mjs").PageRun} PageRun */

const isolation = {
  "Cross-Origin-Opener-Policy": "same-origin",
  "Cross-Origin-Embedder-Policy": "require-corp",
};

/** @param {string} scriptSource */
const policy = (scriptSource) => ({
  "Content-Security-Policy": `default-src 'none'; script-src ${scriptSource}; connect-src 'self'; img-src 'self'`,
});

const inPage = { scope: "Window", crossOriginIsolated: false, evaluatesStrings: true };

/** @type {(Omit<PageRun, "open"> & { name: string })[]} */
const places = [
  {
    name: "cross-origin isolated page",
    program: "page",
    headers: isolation,
    expected: { ...inPage, crossOriginIsolated: true },
  },
  { name: "page without cross-origin isolation", program: "page", headers: {}, expected: inPage },
  {
    name: "page under a strict CSP",
    program: "page",
    headers: policy("'self' 'wasm-unsafe-eval'"),
    expected: { ...inPage, evaluatesStrings: false },
  },
  {
    name: "dedicated worker",
    program: "dedicated-worker",
    headers: {},
    expected: { ...inPage, scope: "DedicatedWorkerGlobalScope" },
  },
  {
    name: "service worker",
    program: "service-worker",
    headers: {},
    expected: { ...inPage, scope: "ServiceWorkerGlobalScope" },
  },
];

const inExtension = { ...inPage, evaluatesStrings: false };

/** @type {(Pick<PageRun, "program" | "expected"> & { name: string })[]} */
const extensionPlaces = [
  { name: "extension page (Manifest V3)", program: "page", expected: inExtension },
  {
    name: "extension's service worker (Manifest V3)",
    program: "extension-service-worker",
    expected: { ...inExtension, scope: "ServiceWorkerGlobalScope" },
  },
];

/**
 * @param {string} folder
 * @param {PageRun} run
 * @param {RegExp} [part]
 */
async function runHost(folder, run, part) {
  const packageUrl = (/** @type {string} */ subpath) => `./node_modules/wasm-attention/dist${subpath || "/index"}.js`;
  await bundle({ folder, outfile: "suite.js", program: suiteProgram(part), packageUrl });
  const { version, result } = await runPage(folder, run);
  return { version, report: /** @type {Report} */ (result) };
}

/**
 * @param {string} folder
 * @param {PageRun} run
 */
async function runRefusal(folder, run) {
  const { version, result } = await runPage(folder, run);
  return { version, .../** @type {{ code: string, message: string }} */ (result) };
}

/**
 * Opens the pages of an extension in place of the server's.
 * @param {string} folder
 * @param {string} [contentSecurityPolicy]
 * @returns {import("./browser/run-page.mjs").Open}
 */
const openExtension = (folder, contentSecurityPolicy) => (_origin, query, log) =>
  chromium.openExtension(writeExtension(folder, contentSecurityPolicy), query, log);

const engines = [chromium, firefox, webkit];

/** @type {Host[]} */
export const hosts = [
  ...engines.flatMap(({ name: engine, fuses, missing, open }) =>
    places.map(({ name, ...place }, index) => ({
      name: `${engine}: ${name}`,
      fuses,
      part: index === 0 ? undefined : CORE,
      missing,
      run: (/** @type {string} */ folder, /** @type {RegExp | undefined} */ part) =>
        runHost(folder, { ...place, open }, part),
    })),
  ),
  ...extensionPlaces.map(({ name, ...place }) => ({
    name: `${chromium.name}: ${name}`,
    fuses: chromium.fuses,
    part: CORE,
    missing: chromium.missing,
    run: (/** @type {string} */ folder, /** @type {RegExp | undefined} */ part) =>
      runHost(folder, { ...place, headers: {}, open: openExtension(folder, wasmPolicy) }, part),
  })),
];

const refusal = { program: "refusal", expected: inExtension };

/** @type {import("./host.mjs").Refusal[]} */
export const refusals = [
  ...engines.map(({ name, missing, open }) => ({
    name: `${name}: page whose CSP forbids WebAssembly`,
    expectedCode: "ERR_BLOCKED_BY_CSP",
    missing,
    run: (/** @type {string} */ folder) => runRefusal(folder, { ...refusal, headers: policy("'self'"), open }),
  })),
  {
    name: `${chromium.name}: extension with the default CSP (Manifest V3)`,
    expectedCode: "ERR_BLOCKED_BY_CSP",
    missing: chromium.missing,
    run: (folder) => runRefusal(folder, { ...refusal, headers: {}, open: openExtension(folder) }),
  },
];

/** Ends the browsers that were started. */
export async function close() {
  for (const engine of engines) await engine.close();
}
