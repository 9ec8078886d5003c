// Browsers of this machine, and static servers for their pages.
import { once } from "node:events";
import { createServer } from "node:net";
import { fileURLToPath } from "node:url";
import { launch } from "puppeteer-core";
import { chromiumArguments, findBrowser } from "../../scripts/installed-browsers.mjs";
import { endProcess, startProcess } from "./child-process.mjs";

/** @param {import("../../scripts/installed-browsers.mjs").BrowserName} name */
export function launchBrowser(name) {
  const executablePath = findBrowser(name);
  if (executablePath === undefined) throw new Error(`${name} isn't found in the PATH`);
  return launch({
    browser: name === "firefox" ? "firefox" : "chrome",
    executablePath,
    args: name === "firefox" ? [] : chromiumArguments,
  });
}

/**
 * A new page, and all that goes wrong in it: errors, and what it writes to the console as one.
 * @param {import("puppeteer-core").Browser} browser
 */
export async function openPage(browser) {
  const page = await browser.newPage();
  /** @type {string[]} */
  const errors = [];
  page.on("pageerror", (error) => errors.push(`page error: ${error}`));
  page.on("console", (message) => {
    if (message.type() === "error") errors.push(`console: ${message.text()} ${message.location().url ?? ""}`);
  });
  return { page, errors };
}

async function freePort() {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = /** @type {import("node:net").AddressInfo} */ (server.address());
  server.close();
  await once(server, "close");
  return port;
}

/**
 * Serves a folder by the command of the examples' READMEs, on a port of its own. The host is localhost there, where
 * service workers may run without https.
 * @param {string} folder
 */
export async function serveFolder(folder) {
  const port = await freePort();
  const program = fileURLToPath(new URL("node_modules/sirv-cli/bin.js", import.meta.url));
  const child = startProcess(process.execPath, [program, ".", "--port", String(port)], {
    cwd: folder,
    stdio: ["ignore", "pipe", "inherit"],
  });
  // It says so when it listens.
  await once(/** @type {import("node:stream").Readable} */ (child.stdout), "data");
  return { url: `http://localhost:${port}/`, stop: () => endProcess(child) };
}
