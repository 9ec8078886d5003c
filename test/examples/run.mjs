// Tries the examples as a user has them: a copy of each folder, with the tarball installed.
// `npm run test:examples`; its packages are installed once by `npm ci --prefix test/examples`.
import assert from "node:assert/strict";
import { cpSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { cpus, tmpdir } from "node:os";
import { basename, join } from "node:path";
import { fileURLToPath } from "node:url";
import { install, pack } from "../../scripts/tarball.mjs";
import { launchBrowser, serveFolder } from "./browsers.mjs";
import { runEdgeFunction } from "./edge-function.mjs";
import { startEdgeVM, startWorkerd } from "./edge-hosts.mjs";
import { runServiceWorker } from "./service-worker.mjs";
import { runTrainInPage } from "./train-in-page.mjs";
import { runTrainInTerminal } from "./train-in-terminal.mjs";
import { runWorkerPage } from "./worker-page.mjs";

const root = fileURLToPath(new URL("../..", import.meta.url));
const folder = mkdtempSync(join(tmpdir(), "wasm-attention-examples-"));

/**
 * Copies an example and installs what it names: the tarball, and the libraries that this repository has.
 * @param {string} name
 * @param {string} tarball
 */
function copyExample(name, tarball) {
  const project = join(folder, name);
  cpSync(join(root, "examples", name), project, {
    recursive: true,
    filter: (path) => basename(path) !== "node_modules",
  });
  /** @type {{ dependencies: Record<string, string> }} */
  const { dependencies } = JSON.parse(readFileSync(join(project, "package.json"), "utf8"));
  const libraries = Object.keys(dependencies).filter((library) => library !== "wasm-attention");
  install(project, tarball, ...libraries.map((library) => join(root, "node_modules", library)));
  return project;
}

/** @param {string} project */
async function edgeFunctions(project) {
  const starts = [
    () => startWorkerd(project, "2026-11-17"),
    () => startWorkerd(project, "2024-09-01"),
    () => startEdgeVM(project, "build"),
    () => startEdgeVM(project, "dev"),
  ];
  const rows = [];
  /** @type {string[] | undefined} */
  let expected;
  for (const start of starts) {
    const host = await start();
    try {
      const { row, answers } = await runEdgeFunction(host);
      expected ??= answers;
      assert.deepEqual(answers, expected, `${host.name} answers otherwise than the first host`);
      rows.push(row);
    } finally {
      await host.stop();
    }
  }
  console.log(`On ${cpus()[0].model}, Node ${process.versions.node}:`);
  console.table(rows);
}

/** @param {string} workerPage @param {string} serviceWorker @param {string} trainInPage */
async function pages(workerPage, serviceWorker, trainInPage) {
  for (const kind of /** @type {const} */ (["chromium", "firefox"])) {
    const browser = await launchBrowser(kind);
    const workerServer = await serveFolder(workerPage);
    const serviceServer = await serveFolder(serviceWorker);
    const trainServer = await serveFolder(trainInPage);
    try {
      console.table([await runWorkerPage(browser, workerServer.url)]);
      console.table([await runServiceWorker(browser, kind, serviceServer)]);
      console.table([await runTrainInPage(browser, trainServer.url)]);
    } finally {
      await browser.close();
      await workerServer.stop();
      await serviceServer.stop();
      await trainServer.stop();
    }
  }
}

try {
  const tarball = pack(folder).path;
  const [edgeFunction, workerPage, serviceWorker, trainInPage, trainInTerminal] = [
    "edge-function",
    "worker-page",
    "service-worker",
    "train-in-page",
    "train-in-terminal",
  ].map((name) => copyExample(name, tarball));
  await edgeFunctions(edgeFunction);
  await pages(workerPage, serviceWorker, trainInPage);
  console.table([await runTrainInTerminal(trainInTerminal)]);
} finally {
  rmSync(folder, { recursive: true, force: true });
}
