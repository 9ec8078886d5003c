// The page: takes a text and a length, lets the worker compute the rows and draws them as they come.
import * as ownThread from "./attention-rows.js";
import { startWorker } from "./attention-worker.js";
import { startHeatmap } from "./heatmap.js";
import { nurseryRhyme } from "./nursery-rhyme.js";

/** The weights of the longest text are 64 MB: they are drawn by parts, and never there all at once. */
const LONGEST = 4096;
const USUAL = 1024;
/** How many are computed and drawn at a time: at the longest, 8 of them share a pixel. */
const ROWS = 64;

/**
 * The only element that fits a selector.
 * @template {HTMLElement} Kind
 * @param {string} selector
 * @param {new () => Kind} kind
 */
function find(selector, kind) {
  const element = document.querySelector(selector);
  if (element instanceof kind) return element;
  throw new Error(`the page has no ${selector}`);
}

const form = find("form", HTMLFormElement);
const text = find("#text", HTMLTextAreaElement);
const lengthInput = find("#length", HTMLInputElement);
const shownLength = find("#shown-length", HTMLOutputElement);
const compute = find("#compute", HTMLButtonElement);
const cancel = find("#cancel", HTMLButtonElement);
const ball = find("#ball", HTMLDivElement);
const progress = find("#progress", HTMLProgressElement);
const status = find("#status", HTMLParagraphElement);
const canvas = find("#heatmap", HTMLCanvasElement);

/** @type {ReturnType<typeof startWorker> | undefined} */
let worker;

/** Draws all rows as the worker makes them. @param {number} length @param {AbortSignal} signal */
async function computeInWorker(length, signal) {
  worker ??= startWorker();
  const count = await worker.openText(text.value, length);
  const draw = startHeatmap(canvas, count);
  for (let first = 0; first < count; first += ROWS) {
    const rows = await worker.rows(first, ROWS);
    if (signal.aborted) return false;
    draw(rows, first);
    progress.value = Math.min(1, (first + ROWS) / count);
  }
  return true;
}

/** The same without a worker: one long task, in which the page can do nothing else. @param {number} length */
async function computeOnPage(length) {
  const opened = await ownThread.openText(text.value, length);
  const draw = startHeatmap(canvas, opened.length);
  for (let first = 0; first < opened.length; first += ROWS) draw(opened.rows(first, ROWS), first);
  progress.value = 1;
  return true;
}

/** The longest time between two frames of the page until it is stopped; meanwhile the ball rolls. */
function watchFrames() {
  const calm = matchMedia("(prefers-reduced-motion: reduce)").matches;
  let longest = 0;
  let last = performance.now();
  const start = last;
  let frame = requestAnimationFrame(function roll() {
    const now = performance.now();
    longest = Math.max(longest, now - last);
    last = now;
    const place = 50 - 50 * Math.cos((now - start) / 500);
    if (!calm) ball.style.marginInlineStart = `calc(${place / 100} * (100% - 1.5rem))`;
    frame = requestAnimationFrame(roll);
  });
  return () => {
    cancelAnimationFrame(frame);
    const now = performance.now();
    return { total: now - start, longest: Math.max(longest, now - last) };
  };
}

let controller = new AbortController();

async function run() {
  const length = chosenLength();
  const thread = new FormData(form).get("thread");
  controller = new AbortController();
  compute.disabled = true;
  cancel.disabled = thread === "page";
  progress.value = 0;
  status.textContent = `Computing ${length} × ${length} weights.`;
  // A frame in which that is drawn.
  await new Promise(requestAnimationFrame);
  const stopWatching = watchFrames();
  try {
    const isDone = await (thread === "page" ? computeOnPage(length) : computeInWorker(length, controller.signal));
    const { total, longest } = stopWatching();
    status.textContent = isDone
      ? `${length} × ${length} weights in ${Math.round(total)} ms; the page stood still for at most ${Math.round(longest)} ms.`
      : "Cancelled.";
    canvas.ariaLabel = isDone ? `Attention weights of ${length} characters` : "Some rows of attention weights";
  } catch (error) {
    stopWatching();
    worker = undefined;
    status.textContent = `It failed: ${error instanceof Error ? error.message : String(error)}`;
  }
  compute.disabled = false;
  cancel.disabled = true;
}

const textLength = () => [...text.value].length;
const chosenLength = () => Math.min(lengthInput.valueAsNumber, textLength());

function showLength() {
  lengthInput.max = String(Math.max(1, Math.min(LONGEST, textLength())));
  shownLength.value = String(chosenLength());
}

text.value = nurseryRhyme;
showLength();
lengthInput.value = String(USUAL);
showLength();
text.addEventListener("input", showLength);
lengthInput.addEventListener("input", showLength);
cancel.addEventListener("click", () => controller.abort());
form.addEventListener("submit", (event) => {
  event.preventDefault();
  void run();
});
