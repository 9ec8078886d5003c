// Browsers of this machine, and static servers for their pages.
import { once } from "node:events";
import { existsSync } from "node:fs";
import { createServer } from "node:net";
import { delimiter, join } from "node:path";
import { fileURLToPath } from "node:url";
import { launch } from "puppeteer-core";
import { endProcess, startProcess } from "./child-process.mjs";

const names = {
  chrome: ["chromium", "chromium-browser", "google-chrome"],
  firefox: ["firefox", "firefox-esr"],
};

/** @param {keyof typeof names} kind */
function findBrowser(kind) {
  const folders = (process.env["PATH"] ?? "").split(delimiter);
  const found = folders.flatMap((folder) => names[kind].map((name) => join(folder, name))).find(existsSync);
  if (found === undefined) throw new Error(`expected ${names[kind].join(" or ")} in the PATH`);
  return found;
}

/** @param {keyof typeof names} kind */
export const launchBrowser = (kind) =>
  launch({
    browser: kind,
    executablePath: findBrowser(kind),
    args:
      kind === "firefox"
        ? []
        : [
            "--no-sandbox",
            "--disable-gpu",
            "--disable-quic",
            "--no-first-run",
            "--disable-background-networking",
            "--disable-component-update",
            "--disable-sync",
          ],
  });

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
