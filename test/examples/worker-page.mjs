// Runs examples/worker-page in a browser: what the page draws, that it can be cancelled, and how long it stands still.
import assert from "node:assert/strict";
import { openPage } from "./browsers.mjs";

/** How long the same work may stop the page in a worker, as a share of what it stops it without one. */
const LARGEST_SHARE = 1 / 3;
const LENGTH = 4096;
const TIMEOUT = { timeout: 60_000 };

/**
 * Computes once, and returns the page's status, a hash of its picture, and the longest time between two ticks of a timer
 * of ours meanwhile, in milliseconds.
 * @param {import("puppeteer-core").Page} page
 * @param {"worker" | "page"} thread
 */
async function compute(page, thread) {
  await page.click(`input[value=${thread}]`);
  await page.evaluate(() => {
    const ticks = { longest: 0, last: performance.now() };
    Object.assign(globalThis, { ticks });
    Object.assign(globalThis, {
      timer: setInterval(() => {
        const now = performance.now();
        ticks.longest = Math.max(ticks.longest, now - ticks.last);
        ticks.last = now;
      }, 4),
    });
  });
  await page.click("#compute");
  await page.waitForFunction(
    () => {
      const status = document.querySelector("#status")?.textContent ?? "";
      return /weights in|failed|Cancelled/.test(status);
    },
    { ...TIMEOUT, polling: 100 },
  );
  return page.evaluate(async () => {
    const { ticks, timer } = /** @type {any} */ (globalThis);
    clearInterval(timer);
    const canvas = /** @type {HTMLCanvasElement} */ (document.querySelector("#heatmap"));
    const { width, height } = canvas;
    const context = /** @type {CanvasRenderingContext2D} */ (canvas.getContext("2d"));
    const pixels = context.getImageData(0, 0, width, height).data;
    const digest = await crypto.subtle.digest("SHA-256", pixels);
    return {
      status: document.querySelector("#status")?.textContent ?? "",
      label: canvas.ariaLabel,
      size: [width, height],
      picture: Array.from(new Uint8Array(digest)).join(" "),
      // The diagonal, where each character attends to itself, is bright (viridis ends in yellow).
      brightDiagonal: Array.from({ length: width }, (_, place) => pixels[4 * place * (width + 1) + 1]).filter(
        (green) => green > 220,
      ).length,
      longest: ticks.longest,
    };
  });
}

/**
 * @param {import("puppeteer-core").Browser} browser
 * @param {string} url
 * @returns {Promise<Record<string, string | number>>} a row of the table
 */
export async function runWorkerPage(browser, url) {
  const { page, errors } = await openPage(browser);
  await page.goto(url);
  await page.evaluate((length) => {
    const text = /** @type {HTMLTextAreaElement} */ (document.querySelector("#text"));
    text.value = text.value.repeat(3).slice(0, length);
    text.dispatchEvent(new Event("input"));
    const slider = /** @type {HTMLInputElement} */ (document.querySelector("#length"));
    slider.value = String(length);
    slider.dispatchEvent(new Event("input"));
  }, LENGTH);
  assert.equal(await page.$eval("#shown-length", (element) => element.textContent), String(LENGTH));

  const inWorker = await compute(page, "worker");
  const onPage = await compute(page, "page");
  for (const result of [inWorker, onPage]) {
    assert.match(result.status, /^4096 × 4096 weights in \d+ ms/);
    assert.equal(result.label, "Attention weights of 4096 characters");
    assert.deepEqual(result.size, [512, 512]);
    assert.ok(result.brightDiagonal === 512, `${result.brightDiagonal} of the diagonal's 512 pixels are bright`);
  }
  assert.equal(inWorker.picture, onPage.picture, "both threads draw the same");
  assert.ok(
    inWorker.longest < LARGEST_SHARE * onPage.longest,
    `the page stood still for ${inWorker.longest} ms with a worker, for ${onPage.longest} ms without`,
  );

  // Cancelling, and going on afterwards.
  await page.click("input[value=worker]");
  await page.click("#compute");
  await page.waitForFunction(() => /** @type {HTMLProgressElement} */ (document.querySelector("#progress")).value > 0);
  await page.click("#cancel");
  await page.waitForFunction(() => document.querySelector("#status")?.textContent === "Cancelled.", TIMEOUT);
  const progress = await page.$eval("#progress", (element) => /** @type {HTMLProgressElement} */ (element).value);
  assert.ok(progress < 1, "it was cancelled after its end");
  const again = await compute(page, "worker");
  assert.equal(again.picture, inWorker.picture);

  // The shortest, a block and a bit, and one whose last pixels are no whole ones.
  for (const [length, pixels] of [
    [1, 1],
    [65, 65],
    [1100, 275],
  ]) {
    await page.$eval(
      "#length",
      (element, value) => {
        const slider = /** @type {HTMLInputElement} */ (element);
        slider.value = String(value);
        slider.dispatchEvent(new Event("input"));
      },
      length,
    );
    const { status, size, brightDiagonal } = await compute(page, "worker");
    assert.match(status, new RegExp(`^${length} × ${length} weights in`));
    assert.deepEqual(size, [pixels, pixels]);
    assert.equal(brightDiagonal, pixels);
  }
  assert.deepEqual(errors, []);
  await page.close();
  const milliseconds = (/** @type {string} */ status) => Number(/in (\d+) ms/.exec(status)?.[1]);
  return {
    example: "worker-page",
    browser: await browser.version(),
    "in a worker ms": milliseconds(inWorker.status),
    "longest pause ms": Math.round(inWorker.longest),
    "on the page ms": milliseconds(onPage.status),
    "longest pause there ms": Math.round(onPage.longest),
  };
}
