// Runs examples/service-worker in a browser: its answers, also after the worker was stopped, and without a network.
import assert from "node:assert/strict";
import { openPage } from "./browsers.mjs";

/** What is wrong with a request, and what it gets. */
const wrongRequests = [
  { path: "attend", status: 400, code: "malformed-request" },
  { path: "attend?query=a", status: 400, code: "malformed-request" },
  { path: "attend?text=", status: 400, code: "empty-text" },
  { path: "attend?text=%20%0A%E2%80%8B", status: 400, code: "empty-text" },
  { path: "attend?text=a&query=", status: 400, code: "empty-text" },
  { path: `attend?text=${"a+".repeat(513)}`, status: 413, code: "too-many-tokens" },
  { path: "attend?text=a", method: "POST", status: 405, code: "method-not-allowed" },
];

/** @param {import("puppeteer-core").Page} page */
const waitUntilReady = (page) =>
  page.waitForFunction(() => document.querySelector("#status")?.textContent === "The service worker is ready.", {
    timeout: 30_000,
  });

/**
 * What the service worker answers to a fetch of the page.
 * @param {import("puppeteer-core").Page} page
 * @param {string} path
 * @param {string} [method]
 */
const fetchIn = (page, path, method = "GET") =>
  page.evaluate(
    async (url, verb) => {
      const response = await fetch(url, { method: verb });
      const { status, headers } = response;
      return { status, type: headers.get("content-type"), allow: headers.get("allow"), content: await response.json() };
    },
    path,
    method,
  );

/**
 * Stops the service worker as the browser may at any time, and waits until it has stopped.
 * @param {import("puppeteer-core").Page} page
 */
async function stopServiceWorker(page) {
  const session = await page.createCDPSession();
  const stopped = new Promise((resolve) => {
    session.on("ServiceWorker.workerVersionUpdated", ({ versions }) => {
      if (versions.some(({ runningStatus }) => runningStatus === "stopped")) resolve(undefined);
    });
  });
  await session.send("ServiceWorker.enable");
  await session.send("ServiceWorker.stopAllWorkers");
  await stopped;
  await session.detach();
}

/**
 * @param {import("puppeteer-core").Browser} browser
 * @param {"chromium" | "firefox"} kind
 * @param {Awaited<ReturnType<typeof import("./browsers.mjs").serveFolder>>} server
 * @returns {Promise<Record<string, string | number>>} a row of the table
 */
export async function runServiceWorker(browser, kind, server) {
  const { page, errors } = await openPage(browser);
  await page.goto(server.url);
  await waitUntilReady(page);

  const path = "attend?text=The+cat+sat+on+the+mat.+Dogs+bark.&query=kat";
  const first = await fetchIn(page, path);
  assert.equal(first.status, 200);
  assert.match(first.type ?? "", /^application\/json/);
  assert.deepEqual(first.content.queryTokens, ["kat"]);
  assert.equal(first.content.sentences[0].text, "The cat sat on the mat.");
  assert.equal(first.content.trained, false);

  await page.click("button");
  await page.waitForFunction(() => /Answered/.test(document.querySelector("#status")?.textContent ?? ""));
  assert.match(await page.$eval("#results", (element) => element.textContent ?? ""), /Keywordscats [\d.]+%/);

  let stops = 0;
  if (kind === "chromium") {
    for (; stops < 3; stops++) {
      await stopServiceWorker(page);
      assert.deepEqual(await fetchIn(page, path), first, "a worker that started again answers the same");
    }
  }

  assert.deepEqual(errors, []);
  for (const { path: wrong, method, status, code } of wrongRequests) {
    const answer = await fetchIn(page, wrong, method);
    assert.equal(answer.status, status, wrong);
    assert.equal(answer.content.error.code, code, wrong);
    assert.equal(answer.allow, status === 405 ? "GET" : null);
  }
  // A browser reports every status from 400 on; nothing else may have been.
  assert.deepEqual(
    errors.filter((error) => !/attend/.test(error)),
    [],
  );
  errors.length = 0;

  await server.stop();
  if (kind === "chromium") await stopServiceWorker(page);
  await page.reload();
  await waitUntilReady(page);
  assert.deepEqual(await fetchIn(page, path), first, "without a network the answer is the same");
  await page.click("button");
  await page.waitForFunction(() => /Answered/.test(document.querySelector("#status")?.textContent ?? ""));
  assert.deepEqual(errors, []);
  await page.close();
  return {
    example: "service-worker",
    browser: await browser.version(),
    "stopped and started": stops,
    "wrong requests": wrongRequests.length,
    "without a network": "answers",
  };
}
