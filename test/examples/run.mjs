// Tries the examples as a user has them: a copy of each folder, with the tarball installed.
// `npm run test:examples`; its packages are installed once by `npm ci --prefix test/examples`.
import assert from "node:assert/strict";
import { cpSync, mkdtempSync, rmSync } from "node:fs";
import { cpus, tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { install, pack } from "../../scripts/tarball.mjs";
import { launchBrowser, serveFolder } from "./browsers.mjs";
import { runEdgeFunction } from "./edge-function.mjs";
import { startEdgeVM, startWorkerd } from "./edge-hosts.mjs";
import { runServiceWorker } from "./service-worker.mjs";
import { runWorkerPage } from "./worker-page.mjs";

const root = fileURLToPath(new URL("../..", import.meta.url));
const folder = mkdtempSync(join(tmpdir(), "wasm-attention-examples-"));

/**
 * Copies an example and installs the tarball in place of the package that it names.
 * @param {string} name
 * @param {string} tarball
 */
function copyExample(name, tarball) {
  const project = join(folder, name);
  cpSync(join(root, "examples", name), project, { recursive: true });
  install(project, tarball);
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

/** @param {string} workerPage @param {string} serviceWorker */
async function pages(workerPage, serviceWorker) {
  for (const kind of /** @type {const} */ (["chromium", "firefox"])) {
    const browser = await launchBrowser(kind);
    const workerServer = await serveFolder(workerPage);
    const serviceServer = await serveFolder(serviceWorker);
    try {
      console.table([await runWorkerPage(browser, workerServer.url)]);
      console.table([await runServiceWorker(browser, kind, serviceServer)]);
    } finally {
      await browser.close();
      await workerServer.stop();
      await serviceServer.stop();
    }
  }
}

try {
  const tarball = pack(folder).path;
  const [edgeFunction, workerPage, serviceWorker] = ["edge-function", "worker-page", "service-worker"].map((name) =>
    copyExample(name, tarball),
  );
  await edgeFunctions(edgeFunction);
  await pages(workerPage, serviceWorker);
} finally {
  rmSync(folder, { recursive: true, force: true });
}
