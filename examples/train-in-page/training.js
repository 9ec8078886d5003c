// Trains the model, in the worker: from the beginning, or from where a kept training has come to.
import { keepTraining, loadTraining } from "./kept-training.js";
import { ReversingTransformer } from "./reversing-transformer.js";
import { makeSamples } from "./samples.js";
import { BATCH_SIZE, COUNTS, DIGITS, EPOCHS, SHOWN } from "./task.js";
import {
  accuracy,
  AdamW,
  attentionWeights,
  crossEntropy,
  evaluate,
  fit,
  init,
  manualSeed,
  noGrad,
  scope,
} from "./wasm-attention.js";

/** After so many steps the attention is looked at anew. */
const STEPS_TO_LOOK = 5;
/** After so many steps the training is kept: a reload loses no more. */
const STEPS_TO_KEEP = 50;

/**
 * What the page gets to know of a training.
 * @typedef {{ kind: "step", loss: number }
 *   | { kind: "epoch", accuracy: number }
 *   | { kind: "look", weights: Float32Array<ArrayBuffer>, answer: number[] }} Event
 */

/** @param {import("./wasm-attention.js").Tensor} tensor */
const numbersOf = (tensor) => new Float32Array(tensor.toArray());

/** @param {Float32Array} logits */
const likeliest = (logits) => logits.indexOf(Math.max(...logits));

/**
 * What the first head of the last layer attends to in the shown sequence, `[L, L]`, and the model's answer.
 * @param {ReversingTransformer} model
 * @returns {Event}
 */
const look = (model) =>
  noGrad(() =>
    scope(() => {
      const options = { layers: ["encoder.layers.1.self_attn"], heads: [0] };
      const { result, weights } = attentionWeights(model, () => model.forward([SHOWN]), options);
      const logits = numbersOf(result);
      const answer = SHOWN.map((_, place) => likeliest(logits.subarray(place * DIGITS, (place + 1) * DIGITS)));
      return { kind: "look", weights: numbersOf(weights[0].weights), answer };
    }),
  );

/**
 * Trains until it is done or stopped, and keeps what it has come to.
 * @param {(event: Event) => void} report
 * @param {() => boolean} isToStop
 * @returns the loss and the accuracy on sequences that the model has never seen; undefined when it was stopped
 */
export async function train(report, isToStop) {
  await init();
  const kept = await loadTraining();
  const curve = kept?.curve ?? { losses: [], accuracies: [] };
  manualSeed(1);
  const model = new ReversingTransformer();
  const optimizer = new AdamW(model.parameters(), { lr: 0.0005 });
  const controller = new AbortController();
  /** @param {() => Uint8Array} saveTrainingState */
  const keep = (saveTrainingState) => keepTraining({ trainingState: saveTrainingState(), curve });
  try {
    await fit(model, makeSamples(COUNTS.training, 1), {
      loss: crossEntropy,
      optimizer,
      epochs: EPOCHS,
      batchSize: BATCH_SIZE,
      validation: makeSamples(COUNTS.validation, 2),
      metrics: { accuracy },
      trainingState: kept?.trainingState,
      signal: controller.signal,
      onStep: async ({ step, loss, saveTrainingState }) => {
        curve.losses.push(loss);
        report({ kind: "step", loss });
        if (step % STEPS_TO_LOOK === 0) report(look(model));
        const isLast = isToStop();
        if (isLast || step % STEPS_TO_KEEP === 0) await keep(saveTrainingState);
        // Only here, where this very step has been kept, so that none has to be done twice.
        if (isLast) controller.abort();
      },
      onEpoch: async ({ results, saveTrainingState }) => {
        curve.accuracies.push(results.valAccuracy);
        report({ kind: "epoch", accuracy: results.valAccuracy });
        await keep(saveTrainingState);
      },
    });
    report(look(model));
    const test = await evaluate(model, makeSamples(COUNTS.test, 3), { loss: crossEntropy, metrics: { accuracy } });
    return { loss: test.loss, accuracy: test.accuracy };
  } catch (error) {
    if (controller.signal.aborted) return undefined;
    throw error;
  } finally {
    optimizer.dispose();
    model.dispose();
  }
}
