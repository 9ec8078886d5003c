// The training step that is timed: a small language model, its start and its batches, from a seed.
//
// Pre-norm, as GPT-2: embeddings of tokens and of positions are added; each layer adds attention of its normed input, causal,
// and then linear2(gelu(linear1)) of its normed input, with the exact gelu and four times the width between; a last norm, and
// logits without a bias. The loss is the mean cross-entropy of the next token; the gradients are clipped to a norm of 1 and AdamW
// takes a step with PyTorch's hyperparameters.
import { makeGenerator, uniform } from "./inputs.mjs";

/** @typedef {import("./cases.mjs").TrainingCase} TrainingCase */

/** An engine's first losses are compared; then it goes on with these batches, over and over. */
const STEPS = 3;
/** Of a loss: all engines are within 1e-6, and a learning rate that is 1% off changes the second loss by 4e-5. */
const RELATIVE_TOLERANCE = 1e-5;

/** Uniform with a deviation of 0.02. */
const BOUND = 0.02 * Math.sqrt(3);

/**
 * The parameters by their names, which are PyTorch's, in the order of their use: [outFeatures, inFeatures] of linear layers.
 * @param {TrainingCase} trainingCase
 * @returns {{ name: string, shape: number[], elements: Float32Array }[]}
 */
export function makeParameters({ layers, width, length, vocabulary }) {
  const random = makeGenerator(1);
  const drawn = (/** @type {string} */ name, /** @type {number[]} */ ...shape) => ({
    name,
    shape,
    elements: uniform(
      random,
      shape.reduce((product, size) => product * size),
      BOUND,
    ),
  });
  const constant = (/** @type {string} */ name, /** @type {number} */ size, /** @type {number} */ value) => ({
    name,
    shape: [size],
    elements: new Float32Array(size).fill(value),
  });
  const norm = (/** @type {string} */ name) => [
    constant(`${name}.weight`, width, 1),
    constant(`${name}.bias`, width, 0),
  ];
  const linear = (/** @type {string} */ name, /** @type {number} */ outFeatures, /** @type {number} */ inFeatures) => [
    drawn(`${name}weight`, outFeatures, inFeatures),
    constant(`${name}bias`, outFeatures, 0),
  ];
  return [
    drawn("tokens", vocabulary, width),
    drawn("positions", length, width),
    ...Array.from({ length: layers }, (_, layer) => `layers.${layer}`).flatMap((layer) => [
      ...norm(`${layer}.norm1`),
      ...linear(`${layer}.self_attn.in_proj_`, 3 * width, width),
      ...linear(`${layer}.self_attn.out_proj.`, width, width),
      ...norm(`${layer}.norm2`),
      ...linear(`${layer}.linear1.`, 4 * width, width),
      ...linear(`${layer}.linear2.`, width, 4 * width),
    ]),
    ...norm("norm"),
    drawn("head.weight", vocabulary, width),
  ];
}

/**
 * The batches: inputs and targets [B, L]. A target is the token that comes next, which follows from the one before it in
 * three of four places, so that there is something to learn.
 * @param {TrainingCase} trainingCase
 * @returns {{ inputs: Int32Array, targets: Int32Array }[]}
 */
export function makeBatches({ length, batch, vocabulary }) {
  const random = makeGenerator(2);
  return Array.from({ length: STEPS }, () => {
    const inputs = new Int32Array(batch * length);
    const targets = new Int32Array(batch * length);
    for (let sequence = 0; sequence < batch; sequence++) {
      let token = Math.floor(vocabulary * random());
      for (let position = 0; position < length; position++) {
        inputs[sequence * length + position] = token;
        token = random() < 0.75 ? (5 * token + 7) % vocabulary : Math.floor(vocabulary * random());
        targets[sequence * length + position] = token;
      }
    }
    return { inputs, targets };
  });
}

/**
 * A job of an engine that trains: the check takes the first steps, the clock the ones after.
 * @template Batch
 * @param {readonly Batch[]} batches
 * @param {(batch: Batch) => number | Promise<number>} step the loss before the step
 * @param {() => unknown} close
 * @returns {import("./engines/adapter.mjs").Job}
 */
export function trainingJob(batches, step, close) {
  let count = 0;
  const next = () => step(batches[count++ % batches.length]);
  return {
    run: next,
    async result() {
      const losses = new Float32Array(batches.length);
      for (let index = 0; index < losses.length; index++) losses[index] = await next();
      return losses;
    },
    close,
  };
}

/**
 * The losses of the first steps.
 * @param {TrainingCase} trainingCase
 * @returns {import("./oracle.mjs").ExpectedTensor}
 */
export const expectLosses = ({ losses }) => ({
  length: losses.length,
  runs: [{ start: 0, elements: Float64Array.from(losses) }],
  tolerance: RELATIVE_TOLERANCE * Math.min(...losses),
});
