// The page: starts and stops the worker's training, and draws what it reports.
import { makeChart } from "./chart.js";
import { drawHeatmap } from "./heatmap.js";
import { forgetTraining, loadTraining } from "./kept-training.js";
import { watchPauses } from "./pauses.js";
import { SHOWN, STEPS } from "./task.js";

/** @typedef {import("./worker.js").Answer} Answer */

/** Milliseconds from what is reported to what is drawn: however fast the steps are, the page has little to do. */
const TIME_TO_DRAW = 100;

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

const trainButton = find("#train", HTMLButtonElement);
const cancelButton = find("#cancel", HTMLButtonElement);
const forgetButton = find("#forget", HTMLButtonElement);
const status = find("#status", HTMLParagraphElement);
const canvas = find("#heatmap", HTMLCanvasElement);
const [step, loss, accuracy, pause] = ["#step", "#loss", "#accuracy", "#pause"].map((id) => find(id, HTMLElement));
const answer = find("#answer", HTMLOutputElement);
const drawCurve = makeChart(find("#chart", HTMLDivElement));

/** @type {import("./kept-training.js").Curve} */
let curve = { losses: [], accuracies: [] };
/** @type {Extract<Answer, { kind: "look" }> | undefined} The last one that isn't drawn yet. */
let look;
/** @type {ReturnType<typeof watchPauses> | undefined} There while the worker trains. */
let pauses;
/** @type {Worker | undefined} */
let worker;

/** @param {number} share */
const percent = (share) => `${(100 * share).toFixed(1)}%`;

/** Shows where the training is. */
function draw() {
  const { losses, accuracies } = curve;
  drawCurve(curve);
  step.textContent = `${losses.length} of ${STEPS}`;
  loss.textContent = losses.at(-1)?.toFixed(4) ?? "–";
  accuracy.textContent = accuracies.length === 0 ? "–" : percent(/** @type {number} */ (accuracies.at(-1)));
  if (pauses !== undefined) pause.textContent = `${Math.round(pauses.longest())} ms`;
  if (look === undefined) return;
  answer.value = look.answer.join(" ");
  drawHeatmap(canvas, look.weights, SHOWN, look.answer);
  canvas.ariaLabel = `Attention weights after step ${losses.length}`;
  look = undefined;
}

let isToDraw = false;
function drawSoon() {
  if (isToDraw) return;
  isToDraw = true;
  setTimeout(() => {
    isToDraw = false;
    draw();
  }, TIME_TO_DRAW);
}

/** The worker trains no longer. @param {string} text */
function rest(text) {
  if (pauses !== undefined) pause.textContent = `${Math.round(pauses.stop())} ms`;
  pauses = undefined;
  status.textContent = text;
  trainButton.textContent = curve.losses.length === 0 ? "Train" : "Go on";
  trainButton.disabled = false;
  cancelButton.disabled = true;
  forgetButton.disabled = false;
  draw();
}

/** @param {MessageEvent<Answer>} message */
function hear({ data }) {
  if (data.kind === "step") curve.losses.push(data.loss);
  else if (data.kind === "epoch") curve.accuracies.push(data.accuracy);
  else if (data.kind === "look") look = data;
  else if (data.kind === "stopped") rest(`Stopped after step ${curve.losses.length}.`);
  else if (data.kind === "done") {
    rest(`Done: ${percent(data.accuracy)} of the digits are right in sequences that it has never seen.`);
    trainButton.disabled = true;
  } else fail(data.message);
  drawSoon();
}

/** @param {string} message */
function fail(message) {
  worker?.terminate();
  worker = undefined;
  rest(`It failed: ${message}`);
}

function startWorker() {
  const started = new Worker(new URL("worker.js", import.meta.url), { type: "module" });
  started.onmessage = hear;
  started.onerror = ({ message }) => fail(message || "the worker doesn't start");
  return started;
}

/** Begins where the kept training is. */
async function open() {
  curve = (await loadTraining())?.curve ?? { losses: [], accuracies: [] };
  const { length } = curve.losses;
  rest(length === 0 ? "Ready." : `A training is kept: it goes on after step ${length}.`);
}

trainButton.addEventListener("click", () => {
  worker ??= startWorker();
  pauses = watchPauses();
  trainButton.disabled = true;
  cancelButton.disabled = false;
  forgetButton.disabled = true;
  status.textContent = "It learns.";
  worker.postMessage("train");
});
cancelButton.addEventListener("click", () => {
  cancelButton.disabled = true;
  worker?.postMessage("stop");
});
forgetButton.addEventListener("click", () => {
  trainButton.disabled = true;
  forgetButton.disabled = true;
  status.textContent = "It forgets.";
  forgetTraining()
    .then(open)
    .catch((error) => fail(String(error)));
});
find("#given", HTMLOutputElement).value = SHOWN.join(" ");
open().catch((error) => fail(String(error)));
