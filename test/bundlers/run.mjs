// Builds a small application from the tarball with each bundler and runs the result: `npm run test:bundlers`. README.md says
// more.
import assert from "node:assert/strict";
import { copyFileSync, existsSync, readFileSync, readdirSync } from "node:fs";
import { createHash } from "node:crypto";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { compatibilityDate as newestCompatibilityDate } from "workerd";
import { applications, learningWays } from "./applications.mjs";
import { openBrowser, visit } from "./browser.mjs";
import { checkCopies, gzipSize, readBuilds } from "./copies.mjs";
import { edgeFunctionFiles } from "./edge-functions.mjs";
import { node22, openWorkspace, run, tools } from "./projects.mjs";
import { serveFolder, startNext, startWorker } from "./serve.mjs";
import { checkTape } from "./tape.mjs";
import { buildNames } from "../../scripts/wasm-recipe.mjs";

/** @typedef {import("./applications.mjs").Application} Application */
/** @typedef {Record<string, { error: number, bits: string, left: number }>} Result by arithmetic */

const KIBIBYTE = 1024;
const LARGEST_ERROR = 1e-6;
const once = Object.fromEntries(buildNames.map((name) => [name, 1]));

const wanted = process.argv.slice(2).map((name) => name.toLowerCase());
const chosen = applications.filter(
  ({ name }) => wanted.length === 0 || wanted.some((part) => name.toLowerCase().includes(part)),
);
if (chosen.length === 0) {
  console.error(`No application has such a name. There are: ${applications.map(({ name }) => name).join("; ")}.`);
  process.exit(1);
}

const widths = [48, 15, 18, 10, 8];
const printRow = (/** @type {readonly string[]} */ cells) =>
  console.log(cells.map((cell, index) => cell.padEnd(widths[index] ?? 0)).join(" "));

/** The bits that every other host must give, by what was computed and in which arithmetic. @type {Record<string, string>} */
const expectedBits = {};

/**
 * Both arithmetics ran, came near the equation, kept no memory and gave the same bits as everywhere; in brief.
 * @param {unknown} found a `Result`
 * @param {string} what has been computed
 */
function checkResult(found, what) {
  const result = /** @type {Result} */ (found);
  assert.deepEqual(Object.keys(result), ["separate", "fused"]);
  return Object.entries(result)
    .map(([arithmetic, { error, bits, left }]) => {
      assert.ok(error <= LARGEST_ERROR, `${arithmetic}: ${error} from the equation`);
      assert.equal(left, 0, `${arithmetic}: bytes left in use`);
      assert.equal(bits, (expectedBits[`${what}, ${arithmetic}`] ??= bits), `${arithmetic}: other bits than elsewhere`);
      return `${arithmetic} ${createHash("sha256").update(bits).digest("hex").slice(0, 8)}`;
    })
    .join(", ");
}

/** All but source maps, which pages don't load: Parcel's repeat even its intermediate results. */
const filesBelow = (/** @type {string} */ folder) =>
  readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && !entry.name.endsWith(".map"))
    .map((entry) => readFileSync(join(entry.parentPath, entry.name)));

/** Node 20 compiles no fused build without a flag, and Next.js compiles all `.wasm` files of an edge route. */
function variablesFor(/** @type {string} */ project) {
  const fused = readFileSync(join(project, "node_modules/wasm-attention/ts/wasm/fused.wasm"));
  if (WebAssembly.validate(fused)) return {};
  return { NODE_OPTIONS: `--import=${pathToFileURL(join(project, "relaxed-simd.mjs"))}` };
}

/**
 * Builds, runs, checks; the rows of the table.
 * @param {Application} application
 * @param {string} project
 * @param {import("puppeteer-core").Browser} browser
 */
async function test(application, project, browser) {
  const { name, bundler, command, isNext, worker, needsNode22 } = application;
  const variables = { ...(isNext && variablesFor(project)), ...(needsNode22 && node22) };
  const start = performance.now();
  if (command !== undefined) {
    const [program, ...parameters] = command;
    run(project, join(tools, ".bin", program), parameters, variables);
  }
  const seconds = ((performance.now() - start) / 1000).toFixed(1);
  const version =
    bundler === undefined ? "" : JSON.parse(readFileSync(join(tools, bundler, "package.json"), "utf8")).version;
  const rows =
    worker === undefined
      ? await testPage(application, project, variables, browser)
      : await testWorker(application, project, worker);
  return rows.map(([what, size, result], index) => [
    ...[name, version, what, `${(size / KIBIBYTE).toFixed(1)} KB`],
    ...[index === 0 ? `${seconds} s` : "", result],
  ]);
}

/** @typedef {[what: string, size: number, result: string]} Row */

/**
 * @param {Application} application
 * @param {string} project
 * @param {NodeJS.ProcessEnv} variables
 * @param {import("puppeteer-core").Browser} browser
 * @returns {Promise<Row[]>}
 */
async function testPage(application, project, variables, browser) {
  const { command, output, budget = Infinity, computes = "attention", hasTape = false, isNext } = application;
  const published = join(project, output);
  // A bundler of scripts leaves the page to its user.
  if (!isNext && !existsSync(join(published, "index.html"))) {
    copyFileSync(join(project, "index.html"), join(published, "index.html"));
  }
  const builds = readBuilds(project);
  const server = await (isNext ? startNext(project, variables) : serveFolder(published));
  try {
    const page = await visit(browser, server.address);
    checkCopies("loaded by the page", builds, page.files, once, 0);
    checkTape("loaded by the page", project, page.files, hasTape);
    if (command !== undefined) {
      const written = filesBelow(published);
      checkCopies(`written to ${output}`, builds, written, once, 0);
      checkTape(`written to ${output}`, project, written, hasTape || isNext === true);
    }
    const size = gzipSize(page.files);
    assert.ok(size <= budget, `the page loads ${size} bytes, gzipped`);
    /** @type {Row[]} */
    const rows = [["page in Chromium", size, checkResult(page.result, computes)]];
    if (!isNext) return rows;

    for (const way of learningWays) {
      const { files, result } = await visit(browser, `${server.address}learn-by-${way}`);
      checkTape(`loaded by the page that learns by ${way}`, project, files, true);
      rows.push([`page, ${way}`, gzipSize(files), checkResult(result, `learning by ${way}`)]);
    }

    const attention = edgeFunctionFiles(project, "/api/attention");
    checkCopies("the edge route", builds, attention, once, buildNames.length);
    checkTape("the edge route", project, attention, false);
    const attended = checkResult(await answer(`${server.address}api/attention`), "attention");
    rows.push(["edge route", gzipSize(attention), attended]);

    const learning = edgeFunctionFiles(project, "/api/learning");
    checkCopies("the edge route that learns", builds, learning, once, buildNames.length);
    const learned = checkResult(await answer(`${server.address}api/learning`), "learning by bare-import");
    rows.push(["edge route, learns", gzipSize(learning), learned]);

    const slim = edgeFunctionFiles(project, "/api/slim");
    checkCopies(
      "the edge route with slim",
      builds,
      slim,
      { ...Object.fromEntries(buildNames.map((name) => [name, 0])), separate: 1 },
      1,
    );
    rows.push(["edge route, slim", gzipSize(slim), checkSlim(await answer(`${server.address}api/slim`))]);
    return rows;
  } finally {
    await server.close();
  }
}

/** One from before Cloudflare's runtime compiled bytes during start-up, and the newest that it knows. */
const compatibilityDates = ["2024-09-01", newestCompatibilityDate];

/**
 * @param {Application} application
 * @param {string} project
 * @param {string} main
 * @returns {Promise<Row[]>}
 */
async function testWorker({ output, isRendered }, project, main) {
  const deployed = join(project, output);
  const files = filesBelow(deployed);
  checkCopies(`written to ${output}`, readBuilds(project), files, once, 2);
  /** @type {Row[]} */
  const rows = [];
  for (const date of compatibilityDates) {
    const server = await startWorker(deployed, main, date);
    try {
      const result = checkResult(await answer(`${server.address}api/attention`), "attention");
      checkResult(await answer(`${server.address}api/learning`), "learning by bare-import");
      checkSlim(await answer(`${server.address}api/slim`));
      if (isRendered) checkResult(await renderedResult(server.address), "attention");
      rows.push([`workerd ${date}`, gzipSize(files), result]);
    } finally {
      await server.close();
    }
  }
  return rows;
}

async function fetchText(/** @type {string} */ address) {
  const response = await fetch(address);
  const text = await response.text();
  assert.equal(response.status, 200, `${address}: ${text}`);
  return text;
}

const answer = async (/** @type {string} */ address) => JSON.parse(await fetchText(address));

/** The JSON that a page shows. */
async function renderedResult(/** @type {string} */ address) {
  const [, text] = /<pre>([^<]*)<\/pre>/.exec(await fetchText(address)) ?? [];
  assert.ok(text !== undefined, "the page shows nothing");
  return JSON.parse(text.replaceAll("&quot;", '"'));
}

/** What `softmaxInSlim` found. */
function checkSlim(/** @type {unknown} */ result) {
  assert.deepEqual(result, { arithmetic: "separate", weights: [0.5, 0.5] });
  return "separate";
}

/** @type {string[]} */
const failed = [];
const workspace = openWorkspace();
try {
  const browser = await openBrowser();
  try {
    printRow(["", "version", "what ran", "gzip", "build", "arithmetic and hash of its bits"]);
    for (const application of chosen) {
      try {
        const project = workspace.make(application.name, application.folders);
        for (const row of await test(application, project, browser)) printRow(row);
      } catch (error) {
        failed.push(application.name);
        console.log(`${application.name}: FAILED\n${error instanceof Error ? error.message : String(error)}`);
      }
    }
  } finally {
    await browser.close();
  }
} finally {
  workspace.close();
}
console.log(`${chosen.length - failed.length} passed, ${failed.length} failed`);
if (failed.length > 0) process.exitCode = 1;
