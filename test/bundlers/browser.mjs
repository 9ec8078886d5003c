// Opens pages in Chromium; whatever a page complains of is an error.
import { launch } from "puppeteer-core";
import { chromiumArguments, findBrowser } from "../../scripts/installed-browsers.mjs";

export function openBrowser() {
  const executablePath = findBrowser("chromium");
  if (executablePath === undefined) throw new Error("Chromium isn't found in the PATH");
  return launch({ executablePath, args: chromiumArguments });
}

/**
 * The result that the page sets down, and the bodies of all that it loaded.
 * @param {import("puppeteer-core").Browser} browser
 * @param {string} address
 */
export async function visit(browser, address) {
  const context = await browser.createBrowserContext();
  try {
    const page = await context.newPage();
    /** @type {string[]} */
    const problems = [];
    /** @type {Promise<Buffer>[]} */
    const bodies = [];
    page.on("console", (message) => {
      if (["error", "warn"].includes(message.type())) problems.push(`console: ${message.text()}`);
    });
    page.on("pageerror", (error) => problems.push(`uncaught: ${String(error)}`));
    page.on("requestfailed", (request) => problems.push(`failed: ${request.url()} ${request.failure()?.errorText}`));
    page.on("response", (response) => {
      if (!response.ok()) problems.push(`${response.status()}: ${response.url()}`);
      else if (response.url().startsWith("http")) bodies.push(response.buffer().then(Buffer.from));
    });
    await page.goto(address, { waitUntil: "networkidle0" });
    const result = await page
      .waitForFunction("globalThis.result", { timeout: 20_000 })
      .then((handle) => handle.jsonValue())
      .catch((error) => problems.push(String(error)));
    if (problems.length > 0) throw new Error(problems.join("\n"));
    return { result, files: await Promise.all(bodies) };
  } finally {
    await context.close();
  }
}
