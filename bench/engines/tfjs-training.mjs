// The training step of ../training-step.mjs in TensorFlow.js.
import * as tf from "@tensorflow/tfjs-core";
import { makeBatches, makeParameters, trainingJob } from "../training-step.mjs";

/** @param {import("../cases.mjs").TrainingCase} trainingCase */
export function prepareTraining(trainingCase) {
  const { length, learningRate, betas, epsilon, weightDecay, largestNorm } = trainingCase;
  const parameters = makeParameters(trainingCase).map(({ name, shape, elements }) =>
    tf.tidy(() => tf.variable(tf.tensor(elements, shape), true, name)),
  );
  const optimizer = tf.train.adam(learningRate, ...betas, epsilon);
  const mask = tf.tidy(() => tf.mul(tf.sub(tf.linalg.bandPart(tf.ones([length, length]), -1, 0), 1), 1e9));
  const batches = makeBatches(trainingCase).map(({ inputs, targets }) => ({
    inputs: tf.tensor1d(inputs, "int32"),
    targets: tf.tensor1d(targets, "int32"),
  }));
  const byName = Object.fromEntries(parameters.map((parameter) => [parameter.name, parameter]));

  return trainingJob(
    batches,
    ({ inputs, targets }) =>
      tf.tidy(() => {
        const { value, grads } = tf.variableGrads(
          () => lossOf(trainingCase, byName, mask, inputs, targets),
          parameters,
        );
        const norm = tf.sqrt(tf.addN(Object.values(grads).map((gradient) => tf.sum(tf.square(gradient)))));
        const factor = tf.minimum(tf.div(largestNorm, tf.add(norm, 1e-6)), 1);
        // Its Adam has no decay of weights.
        for (const parameter of parameters) parameter.assign(tf.mul(parameter, 1 - learningRate * weightDecay));
        optimizer.applyGradients(
          Object.fromEntries(Object.entries(grads).map(([name, gradient]) => [name, tf.mul(gradient, factor)])),
        );
        return value.dataSync()[0];
      }),
    () => {
      optimizer.dispose();
      tf.dispose([...parameters, mask, ...batches.flatMap(({ inputs, targets }) => [inputs, targets])]);
    },
  );
}

/**
 * @param {import("../cases.mjs").TrainingCase} trainingCase
 * @param {Record<string, tf.Variable>} parameters
 * @param {tf.Tensor} mask [L, L]
 * @param {tf.Tensor1D} inputs [B · L]
 * @param {tf.Tensor1D} targets [B · L]
 * @returns {tf.Scalar}
 */
function lossOf({ layers, width, heads, batch, length, vocabulary, normEpsilon }, parameters, mask, inputs, targets) {
  const rows = batch * length;
  const norm = (/** @type {string} */ name, /** @type {tf.Tensor} */ x) => {
    const { mean, variance } = tf.moments(x, -1, true);
    const normed = tf.mul(tf.sub(x, mean), tf.rsqrt(tf.add(variance, normEpsilon)));
    return tf.add(tf.mul(normed, parameters[`${name}.weight`]), parameters[`${name}.bias`]);
  };
  const linear = (/** @type {string} */ name, /** @type {tf.Tensor} */ x) =>
    tf.add(tf.matMul(x, parameters[`${name}weight`], false, true), parameters[`${name}bias`]);
  // x/2 · (1 + erf(x/√2)): its activations are others.
  const gelu = (/** @type {tf.Tensor} */ x) => tf.mul(tf.mul(x, 0.5), tf.add(tf.erf(tf.mul(x, Math.SQRT1_2)), 1));
  const attention = (/** @type {string} */ name, /** @type {tf.Tensor} */ x) => {
    const size = width / heads;
    const [query, key, value] = tf
      .split(linear(`${name}.in_proj_`, x), 3, -1)
      .map((part) => tf.transpose(tf.reshape(part, [batch, length, heads, size]), [0, 2, 1, 3]));
    const scores = tf.add(tf.mul(tf.matMul(query, key, false, true), 1 / Math.sqrt(size)), mask);
    const output = tf.transpose(tf.matMul(tf.softmax(scores), value), [0, 2, 1, 3]);
    return linear(`${name}.out_proj.`, tf.reshape(output, [rows, width]));
  };

  // Its kernel gives integers, whatever dtype is asked for.
  const oneHot = (/** @type {tf.Tensor1D} */ indices) => tf.cast(tf.oneHot(indices, vocabulary), "float32");
  // Its gradient of `gather` needs an operation that its WebAssembly lacks: a product with ones and zeros stands for it.
  const tokens = tf.matMul(oneHot(inputs), parameters.tokens);
  let x = tf.reshape(tf.add(tf.reshape(tokens, [batch, length, width]), parameters.positions), [rows, width]);
  for (let layer = 0; layer < layers; layer++) {
    const name = `layers.${layer}`;
    x = tf.add(x, attention(`${name}.self_attn`, norm(`${name}.norm1`, x)));
    const hidden = gelu(linear(`${name}.linear1.`, norm(`${name}.norm2`, x)));
    x = tf.add(x, linear(`${name}.linear2.`, hidden));
  }
  const logits = tf.matMul(norm("norm", x), parameters["head.weight"], false, true);
  const picked = tf.mul(tf.logSoftmax(logits), oneHot(targets));
  return tf.mul(tf.sum(picked), -1 / rows);
}
