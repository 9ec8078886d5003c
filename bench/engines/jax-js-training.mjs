// The training step of ../training-step.mjs in jax-js: one compiled function has the loss and the gradients, another one clips them and
// takes AdamW's step.
import { blockUntilReady, jit, nn, numpy, valueAndGrad } from "@jax-js/jax";
import { makeBatches, makeParameters, trainingJob } from "../training-step.mjs";

/** @typedef {numpy.Array} Array */
/** @typedef {Record<string, Array>} Arrays parameters by their names, which are read with `ref`, since functions take arguments over */

/** @param {import("../cases.mjs").TrainingCase} trainingCase */
export function prepareTraining(trainingCase) {
  const { batch, length, learningRate, betas, epsilon, weightDecay, largestNorm } = trainingCase;
  const entries = makeParameters(trainingCase).map(
    ({ name, shape, elements }) => /** @type {const} */ ([name, numpy.array(elements, { shape })]),
  );
  /** @type {Arrays} */
  let parameters = Object.fromEntries(entries);
  const zeros = () => Object.fromEntries(entries.map(([name, { shape }]) => [name, numpy.zeros(shape)]));
  let [first, second] = [zeros(), zeros()];
  let steps = 0;

  const differentiate = jit(
    valueAndGrad((/** @type {Arrays} */ given, /** @type {Array} */ inputs, /** @type {Array} */ targets) =>
      lossOf(trainingCase, given, inputs, targets),
    ),
  );

  /** New parameters and averages, all in one function. */
  const update = jit(
    (
      /** @type {Arrays} */ given,
      /** @type {Arrays} */ gradients,
      /** @type {Arrays} */ m,
      /** @type {Arrays} */ v,
      /** @type {Array} */ stepSize,
      /** @type {Array} */ correction,
    ) => {
      const names = Object.keys(given);
      const squares = names.map((name) => numpy.sum(numpy.square(gradients[name].ref)));
      const norm = numpy.sqrt(squares.reduce((sum, square) => sum.add(square)));
      const factor = numpy.minimum(numpy.reciprocal(norm.add(1e-6)).mul(largestNorm), 1);
      /** @type {[Arrays, Arrays, Arrays]} */
      const updated = [{}, {}, {}];
      for (const name of names) {
        const gradient = gradients[name].mul(factor.ref);
        const average = m[name].mul(betas[0]).add(gradient.ref.mul(1 - betas[0]));
        const squared = v[name].mul(betas[1]).add(numpy.square(gradient).mul(1 - betas[1]));
        const divisor = numpy.sqrt(squared.ref).mul(correction.ref).add(epsilon);
        const change = average.ref.mul(stepSize.ref).div(divisor);
        updated[0][name] = given[name].mul(1 - learningRate * weightDecay).sub(change);
        updated[1][name] = average;
        updated[2][name] = squared;
      }
      for (const scalar of [factor, stepSize, correction]) scalar.dispose();
      return updated;
    },
  );

  const batches = makeBatches(trainingCase).map((given) => {
    const integers = (/** @type {Int32Array} */ elements) => numpy.array(elements, { shape: [batch, length] });
    return { inputs: integers(given.inputs), targets: integers(given.targets) };
  });
  const refs = (/** @type {Arrays} */ arrays) =>
    Object.fromEntries(Object.entries(arrays).map(([name, array]) => [name, array.ref]));

  return trainingJob(
    batches,
    async ({ inputs, targets }) => {
      steps += 1;
      const [loss, gradients] = differentiate(refs(parameters), inputs.ref, targets.ref);
      [parameters, first, second] = await blockUntilReady(
        update(
          parameters,
          gradients,
          first,
          second,
          numpy.array(learningRate / (1 - betas[0] ** steps)),
          numpy.array(1 / Math.sqrt(1 - betas[1] ** steps)),
        ),
      );
      return /** @type {number} */ ((await loss.data())[0]);
    },
    () => {
      for (const arrays of [parameters, first, second, ...batches]) {
        for (const array of Object.values(arrays)) array.dispose();
      }
      differentiate.dispose();
      update.dispose();
    },
  );
}

/**
 * @param {import("../cases.mjs").TrainingCase} trainingCase
 * @param {Arrays} parameters
 * @param {Array} inputs [B, L]
 * @param {Array} targets [B, L]
 */
function lossOf({ layers, width, heads, batch, length, vocabulary, normEpsilon }, parameters, inputs, targets) {
  const rows = batch * length;
  const take = (/** @type {string} */ name) => parameters[name].ref;
  const norm = (/** @type {string} */ name, /** @type {Array} */ x) =>
    nn
      .standardize(x, -1, { epsilon: normEpsilon })
      .mul(take(`${name}.weight`))
      .add(take(`${name}.bias`));
  const linear = (/** @type {string} */ name, /** @type {Array} */ x) =>
    numpy.matmul(x, numpy.transpose(take(`${name}weight`))).add(take(`${name}bias`));
  const attention = (/** @type {string} */ name, /** @type {Array} */ x) => {
    const projected = linear(`${name}.in_proj_`, x).reshape([batch, length, 3, heads, width / heads]);
    const [query, key, value] = [0, 1, 2].map((part) => projected.ref.slice([], [], part));
    projected.dispose();
    const output = nn.dotProductAttention(query, key, value, { isCausal: true });
    return linear(`${name}.out_proj.`, output.reshape([rows, width]));
  };

  // The product with ones and zeros has a gradient that its compiler takes; `take` has none.
  const tokens = numpy.matmul(nn.oneHot(inputs.reshape([rows]), vocabulary), take("tokens"));
  let x = tokens.reshape([batch, length, width]).add(take("positions")).reshape([rows, width]);
  for (let layer = 0; layer < layers; layer++) {
    const name = `layers.${layer}`;
    x = x.ref.add(attention(`${name}.self_attn`, norm(`${name}.norm1`, x)));
    const hidden = nn.gelu(linear(`${name}.linear1.`, norm(`${name}.norm2`, x.ref)), { approximate: false });
    x = x.add(linear(`${name}.linear2.`, hidden));
  }
  const logits = numpy.matmul(norm("norm", x), numpy.transpose(take("head.weight")));
  const picked = nn.logSoftmax(logits).mul(nn.oneHot(targets.reshape([rows]), vocabulary));
  return numpy.sum(picked).mul(-1 / rows);
}
