// Chromium and Firefox, steered by puppeteer. One process serves all rows of a browser; the pages of each row come from a server of
// their own, so that no row sees what another has stored.
import { join } from "node:path";
import { launch } from "puppeteer-core";
import { chromiumArguments, findBrowser } from "../../../../scripts/installed-browsers.mjs";
import { HostStartError, SUITE_MILLISECONDS } from "../host.mjs";
import { makeScratchFolder, track } from "./processes.mjs";

/** @typedef {import("puppeteer-core").Browser} Browser */
/** @typedef {import("puppeteer-core").Page} Page */
/** @typedef {import("./run-page.mjs").OpenPage} OpenPage */

/**
 * @param {object} settings
 * @param {string} settings.name
 * @param {import("../../../../scripts/installed-browsers.mjs").BrowserName} settings.program
 * @param {string} settings.installation
 * @param {boolean} settings.fuses
 * @param {import("puppeteer-core").LaunchOptions} settings.options
 */
function makeEngine({ name, program, installation, fuses, options }) {
  /** @type {Promise<Browser> | undefined} */
  let started;

  async function startBrowser() {
    const scratchFolder = makeScratchFolder(program);
    const browser = await launch({
      ...options,
      executablePath: findBrowser(program),
      userDataDir: join(scratchFolder, "profile"),
      env: { ...process.env, TMPDIR: scratchFolder },
      // Signals are dealt with for all processes in one place.
      handleSIGINT: false,
      handleSIGTERM: false,
      handleSIGHUP: false,
      protocolTimeout: 60_000,
    });
    track(/** @type {import("node:child_process").ChildProcess} */ (browser.process()));
    // The next row begins with a new process.
    browser.once("disconnected", () => (started = undefined));
    return browser;
  }

  async function close() {
    const closing = started;
    started = undefined;
    await (await closing?.catch(() => undefined))?.close();
  }

  /**
   * What `use` gives. Whatever fails in it is a failed start, after which the next use begins with a new process.
   * @template Value
   * @param {(browser: Browser) => Promise<Value>} use
   */
  async function withBrowser(use) {
    try {
      started ??= startBrowser();
      return await use(await started);
    } catch (cause) {
      await close().catch(() => {});
      throw new HostStartError(`${name}: ${/** @type {Error} */ (cause).message}`, { cause });
    }
  }

  /**
   * Loads an address in a new page.
   * @param {Browser} browser
   * @param {Page} page
   * @param {string} address
   * @param {(line: string) => void} log
   * @param {() => Promise<void>} closePage
   * @returns {Promise<OpenPage>}
   */
  async function load(browser, page, address, log, closePage) {
    const lost = new Promise((_, reject) => {
      page.on("error", ({ message }) => reject(new Error(`the page crashed: ${message}`)));
      browser.once("disconnected", () => reject(new Error("the browser ended")));
    });
    // Nobody listens while the page loads.
    lost.catch(() => {});
    page.on("console", (message) => log(`${message.type()}: ${message.text()}`));
    page.on("requestfailed", (request) => log(`${request.url()}: ${request.failure()?.errorText ?? "failed"}`));
    await page.goto(address);
    const version = (await browser.version()).replace(/^\w+\//, "");
    return {
      version,
      lost: /** @type {Promise<never>} */ (lost),
      // A browser that doesn't even close a page is of no use to the next row.
      close: () => closePage().catch(close),
    };
  }

  return {
    name,
    fuses,

    missing: () => (findBrowser(program) === undefined ? `${program}: ${installation}` : undefined),

    /** @type {import("./run-page.mjs").Open} */
    open: (origin, query, log) =>
      withBrowser(async (browser) => {
        // Not in a context of its own, which is a private one: there Chromium keeps the scripts of service workers in memory, 10 MiB at most.
        const page = await browser.newPage();
        return load(browser, page, `${origin}/index.html?${query}`, log, () => page.close());
      }),

    /**
     * Installs an extension and loads its index.html.
     * @param {string} folder
     * @param {string} query
     * @param {(line: string) => void} log
     */
    openExtension: (folder, query, log) =>
      withBrowser(async (browser) => {
        const identifier = await browser.installExtension(folder);
        const root = `chrome-extension://${identifier}/`;
        await browser.waitForTarget((target) => target.type() === "service_worker" && target.url().startsWith(root));
        const page = await browser.newPage();
        return load(browser, page, `${root}index.html?${query}`, log, async () => {
          await page.close();
          await browser.uninstallExtension(identifier);
        });
      }),

    close,
  };
}

/** @typedef {ReturnType<typeof makeEngine>} PuppeteerEngine */

export const chromium = makeEngine({
  name: "Chromium",
  program: "chromium",
  installation: "apt-get install chromium",
  fuses: true,
  options: {
    browser: "chrome",
    // Extensions are installed over a pipe alone.
    pipe: true,
    enableExtensions: true,
    args: chromiumArguments,
  },
});

export const firefox = makeEngine({
  name: "Firefox",
  program: "firefox",
  installation: "apt-get install firefox-esr",
  fuses: true,
  options: {
    browser: "firefox",
    // Else a service worker ends about a minute after its last event, whatever `waitUntil` still waits for.
    extraPrefsFirefox: { "dom.serviceWorkers.idle_extended_timeout": SUITE_MILLISECONDS },
  },
});
