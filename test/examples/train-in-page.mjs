// Runs examples/train-in-page in a browser: that it learns, can be cancelled, goes on with the same bits, also after a
// reload, and how long the page stands still meanwhile.
import assert from "node:assert/strict";
import { openPage } from "./browsers.mjs";

/** All steps of the training, as the README says. */
const STEPS = 640;
/** In how many of them the accuracy is to be reached, and which: an epoch more than the 384 that the README states. */
const STEPS_TO_LEARN = 448;
const ACCURACY = 0.99;
/** A training that starts, draws and stops; a busy machine is slow. */
const TIMEOUT = { timeout: 60_000, polling: 50 };
/** Milliseconds that the page may stand still on a machine that has much else to do: the README has what was measured. */
const LONGEST_PAUSE = 500;

/** @typedef {import("../../examples/train-in-page/kept-training.js").Curve} Curve */

/** @param {import("puppeteer-core").Page} page @param {RegExp} expected */
async function waitForStatus(page, expected) {
  await page.waitForFunction(
    (pattern) => new RegExp(pattern).test(document.querySelector("#status")?.textContent ?? ""),
    TIMEOUT,
    `${expected.source}|failed`,
  );
  const status = await page.$eval("#status", (element) => element.textContent ?? "");
  assert.match(status, expected);
  return status;
}

/** @param {import("puppeteer-core").Page} page @param {number} least */
const waitForStep = (page, least) =>
  page.waitForFunction((step) => parseInt(document.querySelector("#step")?.textContent ?? "") >= step, TIMEOUT, least);

/**
 * The curve in IndexedDB, by the example's own module.
 * @param {import("puppeteer-core").Page} page
 * @returns {Promise<Curve | undefined>}
 */
const keptCurve = (page) =>
  page.evaluate(async () => {
    const { loadTraining } = await import(new URL("kept-training.js", location.href).href);
    return (await loadTraining())?.curve;
  });

/** What the page shows. @param {import("puppeteer-core").Page} page */
const shown = (page) =>
  page.evaluate(() => {
    const text = (/** @type {string} */ id) => document.querySelector(id)?.textContent ?? "";
    const canvas = /** @type {HTMLCanvasElement} */ (document.querySelector("#heatmap"));
    const context = /** @type {CanvasRenderingContext2D} */ (canvas.getContext("2d"));
    const length = 16;
    const cell = canvas.width / (length + 1);
    // The diagonal from below on the left, where each digit of the answer looks at the one that it repeats: viridis is
    // bright where there is much green.
    const greens = Array.from({ length }, (_, row) => {
      const [x, y] = [(length - row + 0.5) * cell, (row + 1.5) * cell];
      return context.getImageData(x, y, 1, 1).data[1];
    });
    const chart = /** @type {HTMLCanvasElement} */ (document.querySelector("#chart canvas"));
    const pixels = /** @type {CanvasRenderingContext2D} */ (chart.getContext("2d")).getImageData(
      ...[0, 0, chart.width, chart.height],
    ).data;
    // The curve's colour, #2a788e, whose edges are blended with what is behind.
    let lossPixels = 0;
    for (let at = 0; at < pixels.length; at += 4) {
      const [red, green, blue, opacity] = pixels.subarray(at, at + 4);
      const distance = Math.abs(red - 0x2a) + Math.abs(green - 0x78) + Math.abs(blue - 0x8e);
      if (opacity > 64 && distance < 30) lossPixels++;
    }
    return {
      step: text("#step"),
      accuracy: parseFloat(text("#accuracy")),
      pause: parseInt(text("#pause")),
      given: text("#given"),
      answer: text("#answer"),
      brightDiagonal: greens.filter((green) => green > 180).length,
      lossPixels,
    };
  });

/**
 * Trains from where it is to the end.
 * @param {import("puppeteer-core").Page} page
 */
async function trainToTheEnd(page) {
  const start = performance.now();
  await page.click("#train");
  const status = await waitForStatus(page, /^Done: [\d.]+%/);
  const milliseconds = performance.now() - start;
  const curve = await keptCurve(page);
  assert.ok(curve !== undefined);
  return { milliseconds, curve, share: parseFloat(status.slice("Done: ".length)), ...(await shown(page)) };
}

/**
 * @param {import("puppeteer-core").Browser} browser
 * @param {string} url
 * @returns {Promise<Record<string, string | number>>} a row of the table
 */
export async function runTrainInPage(browser, url) {
  const { page, errors } = await openPage(browser);
  await page.goto(url);
  await waitForStatus(page, /^Ready\.$/);
  assert.equal(await keptCurve(page), undefined);
  assert.equal((await shown(page)).lossPixels, 0);

  const whole = await trainToTheEnd(page);
  const { losses, accuracies } = whole.curve;
  assert.equal(losses.length, STEPS);
  assert.equal(whole.step, `${STEPS} of ${STEPS}`);
  assert.ok(losses[0] > Math.log(10) - 0.3, `untrained it is no better than chance, but for ${losses[0]}`);
  assert.ok(losses[STEPS - 1] < 0.05, `the last loss is ${losses[STEPS - 1]}`);
  const epochs = accuracies.length;
  const reached = ((accuracies.findIndex((accuracy) => accuracy >= ACCURACY) + 1) * STEPS) / epochs;
  assert.ok(reached > 0 && reached <= STEPS_TO_LEARN, `an accuracy of ${ACCURACY} after ${reached} steps`);
  assert.ok(whole.share >= 100 * ACCURACY, `${whole.share}% right on the test samples`);
  assert.equal(whole.answer, whole.given.split(" ").reverse().join(" "));
  assert.ok(whole.brightDiagonal >= 12, `${whole.brightDiagonal} of the diagonal's 16 weights are bright`);
  assert.ok(whole.lossPixels > 100, `the loss curve has ${whole.lossPixels} pixels`);
  assert.ok(whole.pause <= LONGEST_PAUSE, `the page stood still for ${whole.pause} ms`);

  // Anew: cancelled, gone on, and reloaded in the middle of it.
  await page.click("#forget");
  await waitForStatus(page, /^Ready\.$/);
  await page.click("#train");
  await waitForStep(page, 70);
  assert.ok((await shown(page)).brightDiagonal < 4, "the attention is sharp before anything is learned");
  await page.click("#cancel");
  const stopped = await waitForStatus(page, /^Stopped after step \d+\.$/);
  const stopStep = Number(/\d+/.exec(stopped)?.[0]);
  assert.ok(stopStep >= 70 && stopStep < STEPS, stopped);
  assert.deepEqual((await keptCurve(page))?.losses, losses.slice(0, stopStep), "what is kept is what was shown");

  await page.click("#train");
  await waitForStep(page, stopStep + 60);
  await page.reload();
  const open = await waitForStatus(page, /goes on after step \d+\.$/);
  const reloadStep = Number(/\d+/.exec(open)?.[0]);
  assert.ok(reloadStep > stopStep && reloadStep < STEPS, open);
  const resumed = await trainToTheEnd(page);
  assert.deepEqual(resumed.curve, whole.curve, "stopped, reloaded and gone on it has the same bits");
  assert.equal(resumed.share, whole.share);

  // One that is done only says so again.
  await page.reload();
  await waitForStatus(page, /goes on after step 640\.$/);
  assert.equal((await trainToTheEnd(page)).share, whole.share);

  // A training that is broken is refused, and can be left behind.
  await page.evaluate(async () => {
    const { keepTraining } = await import(new URL("kept-training.js", location.href).href);
    await keepTraining({ trainingState: new Uint8Array(20), curve: { losses: [1], accuracies: [] } });
  });
  await page.reload();
  await waitForStatus(page, /goes on after step 1\.$/);
  await page.click("#train");
  await waitForStatus(page, /^It failed: ./);
  await page.click("#forget");
  await waitForStatus(page, /^Ready\.$/);

  assert.deepEqual(errors, []);
  await page.close();
  return {
    example: "train-in-page",
    browser: await browser.version(),
    "steps to 99%": reached,
    "last loss": losses[STEPS - 1],
    "all steps ms": Math.round(whole.milliseconds),
    "steps a second": Math.round((1000 * STEPS) / whole.milliseconds),
    "longest pause ms": whole.pause,
    "right %": whole.share,
  };
}
