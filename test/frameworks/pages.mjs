// The components of docs/frameworks.md in Chromium: built by Vite, and by its development server, which edits one while it
// runs. They are mounted, unmounted and mounted again, show what the equation says, and leave no memory in use.
import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { launch } from "puppeteer-core";
import sirv from "sirv";
import { createServer as createDevelopmentServer } from "vite";
import { chromiumArguments, findBrowser } from "../../scripts/installed-browsers.mjs";
import { listen } from "../../scripts/local-server.mjs";
import { run, tools } from "./project.mjs";

const frameworks = [
  { name: "react", component: "AttentionWeights.jsx" },
  { name: "vue", component: "AttentionWeights.vue" },
  { name: "svelte", component: "AttentionWeights.svelte" },
];

/** softmax(scores) in float64. */
function softmax(/** @type {readonly number[]} */ scores) {
  const exponentials = scores.map((score) => Math.exp(score));
  const sum = exponentials.reduce((total, exponential) => total + exponential, 0);
  return exponentials.map((exponential) => exponential / sum);
}

/** The weights of the layer of vite/example.js: softmax(2 · x · xᵀ / √2). */
function expectedWeights(/** @type {{ data: number[] }} */ { data }) {
  const words = [0, 2, 4].map((start) => data.slice(start, start + 2));
  return words.map(([a, b]) => softmax(words.map(([c, d]) => (2 * (a * c + b * d)) / Math.SQRT2)));
}

const text = (/** @type {number[][]} */ rows, digits = 3) =>
  rows.map((row) => row.map((weight) => weight.toFixed(digits)).join(" ")).join("\n");

/** Waits until the page shows a text in its table; null: until there is no table. */
async function expectTable(/** @type {import("puppeteer-core").Page} */ page, /** @type {string | null} */ expected) {
  const shown = () => {
    const table = document.querySelector("table");
    if (table === null || table.checkVisibility() === false) return null;
    return [...table.rows].map((row) => [...row.cells].map((cell) => cell.textContent).join(" ")).join("\n");
  };
  const wait = `(${shown})() === ${JSON.stringify(expected)}`;
  await page.waitForFunction(wait, { timeout: 10_000 }).catch(async () => {
    assert.equal(await page.evaluate(shown), expected, "the table");
  });
}

/**
 * One framework's page.
 * @param {import("puppeteer-core").Browser} browser
 * @param {string} address
 * @param {typeof frameworks[number]} framework
 * @param {any} example
 * @param {string} [source] the component's file, where it is served as it is edited
 */
async function visit(browser, address, { name }, { inputs, scores }, source) {
  const context = await browser.createBrowserContext();
  try {
    const page = await context.newPage();
    /** @type {string[]} */
    const problems = [];
    page.on("console", (message) => {
      if (["error", "warn"].includes(message.type())) problems.push(`console: ${message.text()}`);
    });
    page.on("pageerror", (error) => problems.push(`uncaught: ${String(error)}`));
    try {
      for (const query of ["?unmount", ""]) {
        await page.goto(`${address}${name}.html${query}`, { waitUntil: "networkidle0" });
        if (query !== "") await tryUnmounted(page, inputs);
        else await tryComponent(page, { inputs, scores }, name, source);
      }
    } catch (error) {
      problems.push(String(error));
    }
    assert.deepEqual(problems, [], `${name}.html`);
  } finally {
    await context.close();
  }
}

/** Calls what vite/page.js gives. */
const callerOf =
  (/** @type {import("puppeteer-core").Page} */ page) =>
  (/** @type {string} */ method, /** @type {unknown[]} */ ...parameters) =>
    page.evaluate((key, values) => /** @type {any} */ (globalThis).page[key](...values), method, parameters);

/**
 * A component that was unmounted before there was a runtime makes nothing any more.
 * @param {import("puppeteer-core").Page} page
 * @param {any[]} inputs
 */
async function tryUnmounted(page, inputs) {
  const call = callerOf(page);
  await expectTable(page, null);
  assert.equal(await call("bytesInUse"), 0, "bytes after a mount that came to nothing");
  await call("show", true);
  await expectTable(page, text(expectedWeights(inputs[0])));
}

/**
 * @param {import("puppeteer-core").Page} page
 * @param {any} example
 * @param {string} name
 * @param {string} [source]
 */
async function tryComponent(page, { inputs, scores }, name, source) {
  const call = callerOf(page);
  const expectBytes = async (/** @type {number} */ expected) =>
    assert.equal(await call("bytesInUse"), expected, "bytes");
  const [first, second] = inputs.map(expectedWeights);
  let digits = 3;
  await page.evaluate(() => Object.assign(globalThis, { isSamePage: true }));

  await expectTable(page, text(first));
  const mounted = await call("bytesInUse");
  assert.ok(mounted > 0, "the layer has memory");
  await call("show", false);
  await expectTable(page, null);
  await expectBytes(0);
  await call("show", true);
  await expectTable(page, text(first));
  await expectBytes(mounted);
  // Unmounted before anything could be made.
  await page.evaluate(() => {
    const { show } = /** @type {any} */ (globalThis).page;
    for (let turn = 0; turn < 5; turn++) for (const isShown of [false, true]) setTimeout(() => show(isShown));
  });
  await page.evaluate(() => new Promise((resolve) => setTimeout(resolve, 100)));
  await expectTable(page, text(first));
  await expectBytes(mounted);

  await call("useTensor");
  await expectTable(page, text(second));
  assert.deepEqual(await call("readTensor"), inputs[1].data);
  const withTensor = await call("bytesInUse");

  if (name === "react") {
    assert.equal(await page.$eval("output", (output) => output.textContent), text([softmax(scores.data)]));
    await call("activate", false);
    await expectTable(page, null);
    await expectBytes(withTensor - mounted);
    // React renders what it hides, with the state that it keeps.
    await call("useArrays");
    await call("activate", true);
    await expectTable(page, text(first));
    await expectBytes(mounted);
    await call("useTensor");
    await expectTable(page, text(second));
  }

  if (source !== undefined) {
    digits = 5;
    writeFileSync(source, readFileSync(source, "utf8").replace("toFixed(3)", `toFixed(${digits})`));
    await expectTable(page, text(second, digits));
    await expectBytes(withTensor);
    assert.deepEqual(await call("readTensor"), inputs[1].data, "the page's tensor after the edit");
    assert.equal(await page.evaluate("isSamePage"), true, "the page was not loaded anew");
  }

  await call("useArrays");
  await expectTable(page, text(first, digits));
  await call("show", false);
  await expectTable(page, null);
  await expectBytes(0);
}

/**
 * All frameworks' pages.
 * @param {string} project
 * @param {"built" | "served while it is edited"} how
 */
export async function testPages(project, how) {
  const folder = join(project, "vite");
  const configFile = join(folder, "vite.config.mjs");
  const example = await import(pathToFileURL(join(folder, "example.js")).href);
  const executablePath = findBrowser("chromium");
  if (executablePath === undefined) throw new Error("Chromium isn't found in the PATH");
  const server = await (how === "built" ? buildAndServe(folder, configFile) : serveForEditing(configFile));
  try {
    const browser = await launch({ executablePath, args: chromiumArguments });
    try {
      for (const framework of frameworks) {
        const source = how === "built" ? undefined : join(folder, framework.component);
        await visit(browser, server.address, framework, example, source);
      }
    } finally {
      await browser.close();
    }
  } finally {
    await server.close();
  }
  return frameworks.map(({ name }) => `${name} ${versionOf(name)}`).join(", ");
}

const versionOf = (/** @type {string} */ name) => createRequire(import.meta.url)(`${name}/package.json`).version;

/** @param {string} folder @param {string} configFile */
function buildAndServe(folder, configFile) {
  // By itself, since it makes this process one of production, of which the development server would know.
  run(folder, process.execPath, [join(tools, "vite/bin/vite.js"), "build", "--config", configFile]);
  return listen(sirv(join(folder, "dist"), { dev: true }));
}

/** @param {string} configFile */
async function serveForEditing(configFile) {
  const server = await createDevelopmentServer({ configFile, logLevel: "error", server: { port: 0 } });
  await server.listen();
  const { port } = /** @type {import("node:net").AddressInfo} */ (server.httpServer.address());
  return { address: `http://127.0.0.1:${port}/`, close: () => server.close() };
}
