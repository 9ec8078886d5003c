// Trains in a terminal. Ctrl+C stops after the step, and the next start goes on from there, with the same bits.
import { existsSync, readFileSync, rmSync } from "node:fs";
import { SingleBar } from "cli-progress";
import { init, manualSeed, saveSafetensors } from "wasm-attention";
import { accuracy, AdamW, cosineSchedule, crossEntropy, evaluate, fit } from "wasm-attention/train";
import writeFile from "write-file-atomic";
import { Sorter } from "./sorter.js";
import { examples } from "./task.js";

const STATE = "training-state.safetensors";
const MODEL = "sorter.safetensors";
const [epochs, batchSize, count] = [12, 32, 1600];

await init();
manualSeed(1);
const model = new Sorter();
const [data, test] = [examples(count), examples(200)];
const optimizer = new AdamW(model.parameters(), { lr: 5e-3 });
const perEpoch = count / batchSize;

const trainingState = existsSync(STATE) ? readFileSync(STATE) : undefined;
if (trainingState !== undefined) console.log(`going on from ${STATE}`);
const stop = new AbortController();
process.once("SIGINT", () => stop.abort());
/** @type {(() => Uint8Array) | undefined} */
let saveTrainingState;
const bar = new SingleBar({ format: "{bar} {percentage} % | {eta} s left | loss {loss}" });
bar.start(epochs * perEpoch, 0, { loss: "" });

/**
 * Beside the old file, then in its place: whatever interrupts this, one of the two is whole.
 * @param {string} path
 * @param {Uint8Array} bytes
 */
const write = (path, bytes) => writeFile.sync(path, Buffer.from(bytes));

try {
  await fit(model, data, {
    loss: crossEntropy,
    optimizer,
    epochs,
    batchSize,
    schedule: cosineSchedule({ warmupSteps: 30, totalSteps: epochs * perEpoch }),
    clipNorm: 1,
    signal: stop.signal,
    trainingState,
    onStep(event) {
      ({ saveTrainingState } = event);
      bar.update(event.step, { loss: event.loss.toFixed(4) });
      if (event.step % 100 === 0) write(STATE, saveTrainingState());
    },
  });
} catch (error) {
  if (!stop.signal.aborted) throw error;
  bar.stop();
  if (saveTrainingState !== undefined) write(STATE, saveTrainingState());
  console.log(`stopped; start again to go on`);
  process.exit(130);
}
bar.stop();
write(MODEL, saveSafetensors(model.stateDict()));
rmSync(STATE, { force: true });
const { accuracy: share } = await evaluate(model, test, { loss: crossEntropy, metrics: { accuracy } });
console.log(
  `${(100 * share).toFixed(1)} % of the digits of 200 new rows are in their places; the model is in ${MODEL}`,
);
