// The page's program: the run of measure.mjs with workers in place of processes, started by the form or, as
// `runBenchmark`, by whoever steers the browser.
import { peakBuilds } from "../engines.mjs";
import { measure } from "../measure.mjs";
import { chooseCases, fullLength, quickLength } from "../plan.mjs";
import { evaluate } from "../results.mjs";
import { describeResults } from "../table.mjs";
import { browserBuilds } from "./builds.mjs";
import { openEngineWorker } from "./engine-worker.mjs";

/**
 * @typedef {object} Options
 * @property {readonly string[]} [filter]
 * @property {boolean} [quick]
 * @property {number} [seconds]
 */

const form = /** @type {HTMLFormElement} */ (document.querySelector("form"));
const progress = /** @type {HTMLElement} */ (document.querySelector("#progress"));
const results = /** @type {HTMLElement} */ (document.querySelector("#results"));

/** Whoever steers the browser reads the console. @param {string} text */
function report(text) {
  progress.textContent = text;
  console.info(text);
}

/** @param {Options} options */
export async function run({ filter, quick, seconds }) {
  const cases = chooseCases({ filter, quick });
  if (cases.length === 0) throw new Error("No case has such a name.");
  const length = quick ? quickLength : fullLength;
  const evaluated = evaluate(
    await measure({
      cases,
      engineBuilds: browserBuilds,
      peakBuilds,
      seconds: seconds ?? length.seconds,
      warmUpMilliseconds: length.warmUpMilliseconds,
      openEngine: openEngineWorker,
      report,
    }),
  );
  results.textContent = [navigator.userAgent, ...describeResults(evaluated)].join("\n");
  progress.textContent = "Done.";
  return evaluated;
}

form.addEventListener("submit", async (event) => {
  event.preventDefault();
  const fields = new FormData(form);
  const [filter, seconds] = [String(fields.get("filter")), String(fields.get("seconds"))];
  form.inert = true;
  try {
    await run({
      quick: fields.has("quick"),
      ...(filter !== "" && { filter: [filter] }),
      ...(seconds !== "" && { seconds: Number(seconds) }),
    });
  } catch (error) {
    progress.textContent = String(error);
  }
  form.inert = false;
});

Object.assign(window, { runBenchmark: run });
// Without isolation a page's clock is too coarse to time single calls.
progress.textContent = crossOriginIsolated
  ? "Ready."
  : "This page isn't isolated: open it from `npm run bench:browser`.";
