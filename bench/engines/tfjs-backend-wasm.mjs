// TensorFlow.js on its WebAssembly backend, one thread. It has no operator for attention: two products and a softmax make it.
import { getThreadsCount, setThreadsCount, version_wasm } from "@tensorflow/tfjs-backend-wasm";
import * as tf from "@tensorflow/tfjs-core";
import { isOursAlone, visibleKeys } from "../cases.mjs";
import { makeInputs, makeOutputGradient } from "../inputs.mjs";
import { registerGradients } from "./tfjs-gradients.mjs";
import { prepareTraining } from "./tfjs-training.mjs";

/** @typedef {import("../cases.mjs").AttentionCase | import("../cases.mjs").AttentionGradientCase} AttentionCase */
/** @typedef {import("../cases.mjs").LinearCase | import("../cases.mjs").LinearGradientCase} LinearCase */

/** @type {import("./adapter.mjs").Open} */
export async function open() {
  setThreadsCount(1);
  if (!(await tf.setBackend("wasm"))) throw new Error("its WebAssembly backend doesn't start");
  if (!(await tf.env().getAsync("WASM_HAS_SIMD_SUPPORT"))) throw new Error("it doesn't find SIMD");
  if (getThreadsCount() !== 1) throw new Error("it doesn't keep to one thread");
  return { version: version_wasm, prepare };
}

/** @param {import("../cases.mjs").Case} benchmarkCase */
async function prepare(benchmarkCase) {
  switch (benchmarkCase.operation) {
    case "attention":
      return computationJob(prepareAttention(benchmarkCase));
    case "linear":
      return computationJob(prepareLinear(benchmarkCase));
    case "attention gradient":
    case "linear gradient":
      await registerGradients();
      return benchmarkCase.operation === "attention gradient"
        ? gradientJob(
            prepareAttention(benchmarkCase),
            makeOutputGradient(benchmarkCase),
            benchmarkCase.hasMaskGradient ? [0, 1, 2, 3] : [0, 1, 2],
          )
        : gradientJob(prepareLinear(benchmarkCase), makeOutputGradient(benchmarkCase), [
            benchmarkCase.of === "input" ? 0 : 1,
          ]);
    case "training step":
      await registerGradients();
      return prepareTraining(benchmarkCase);
  }
}

/**
 * @typedef {object} Computation
 * @property {tf.Tensor[]} inputs
 * @property {(...inputs: tf.Tensor[]) => tf.Tensor} compute
 * @property {(gradient: tf.Tensor, input: number) => tf.Tensor} [toCase] an input's gradient as the case lays it out
 */

/** @param {Computation | undefined} prepared */
function computationJob(prepared) {
  if (prepared === undefined) return undefined;
  const { inputs, compute } = prepared;
  return {
    run: () => tf.tidy(() => compute(...inputs)).dispose(),
    result() {
      const output = tf.tidy(() => compute(...inputs));
      const elements = /** @type {Float32Array} */ (output.dataSync()).slice();
      output.dispose();
      return elements;
    },
    close: () => tf.dispose(inputs),
  };
}

/**
 * @param {Computation | undefined} prepared
 * @param {Float32Array} outputGradient
 * @param {readonly number[]} wanted which inputs' gradients
 */
function gradientJob(prepared, outputGradient, wanted) {
  if (prepared === undefined) return undefined;
  const { inputs, compute, toCase = (gradient) => gradient } = prepared;
  const dy = tf.tidy(() => tf.tensor(outputGradient, compute(...inputs).shape));
  const chosen = wanted.map((index) => inputs[index]);
  const gradientsOf = tf.grads((/** @type {tf.Tensor[]} */ ...variables) =>
    compute(...inputs.map((input, index) => (wanted.includes(index) ? variables[wanted.indexOf(index)] : input))),
  );
  const differentiate = () => tf.tidy(() => gradientsOf(chosen, dy));
  return {
    run: () => tf.dispose(differentiate()),
    result: () =>
      tf.tidy(() =>
        differentiate().map((gradient, index) =>
          /** @type {Float32Array} */ (toCase(gradient, wanted[index]).dataSync()).slice(),
        ),
      ),
    close: () => tf.dispose([...inputs, dy]),
  };
}

/**
 * @param {AttentionCase} attentionCase
 * @returns {Computation | undefined}
 */
function prepareAttention(attentionCase) {
  const { batch, heads, keyHeads, queryLength, keyLength, headSize, valueHeadSize } = attentionCase;
  const { layout, dtype, softcap, dropoutP, needWeights } = attentionCase;
  if (layout !== "BHLD" || dtype !== "float32" || softcap !== undefined || isOursAlone(attentionCase)) return undefined;
  if (dropoutP !== undefined || needWeights !== undefined) return undefined;

  const elements = makeInputs(attentionCase);
  // The query heads of a key head stand below each other, as the rows of one product.
  const group = heads / keyHeads;
  const query = tf.tensor3d(elements.query, [batch * keyHeads, group * queryLength, headSize]);
  const key = tf.tensor3d(elements.key, [batch * keyHeads, keyLength, headSize]);
  const value = tf.tensor3d(elements.value, [batch * keyHeads, keyLength, valueHeadSize]);
  const additiveMask = makeAdditiveMask(attentionCase, elements.mask);
  const mask = additiveMask && tf.tensor2d(additiveMask, [queryLength, keyLength]);
  const scale = 1 / Math.sqrt(headSize);

  /** @type {Computation["compute"]} */
  const compute = (q, k, v, added) => {
    const products = tf.matMul(tf.mul(q, scale), k, false, true);
    const scores = added
      ? tf.reshape(tf.add(tf.reshape(products, [batch * heads, queryLength, keyLength]), added), products.shape)
      : products;
    return tf.matMul(tf.softmax(scores), v);
  };
  return { inputs: [query, key, value, ...(mask ? [mask] : [])], compute };
}

/**
 * What is added to the scores [L, S]: -Infinity at every key that causality, a window or the mask closes.
 * @param {AttentionCase} attentionCase
 * @param {ArrayLike<number> | undefined} mask of the case
 */
function makeAdditiveMask(attentionCase, mask) {
  const { queryLength, keyLength, isCausal, leftWindowSize } = attentionCase;
  if (!isCausal && leftWindowSize === undefined && mask === undefined) return undefined;
  const additive = new Float32Array(queryLength * keyLength).fill(-Infinity);
  for (let row = 0; row < queryLength; row++) {
    const { start, end } = visibleKeys(attentionCase, row);
    for (let index = row * keyLength + start; index < row * keyLength + end; index++) {
      if (mask === undefined) additive[index] = 0;
      else if (attentionCase.mask !== "boolean") additive[index] = mask[index];
      else if (mask[index] !== 0) additive[index] = 0;
    }
  }
  return additive;
}

/**
 * Its dense layers hold their weights [K, N]; to others, the fused product adds the bias wrongly.
 * @param {LinearCase} linearCase
 * @returns {Computation}
 */
function prepareLinear(linearCase) {
  const { rows, inFeatures, outFeatures, activation } = linearCase;
  const elements = makeInputs(linearCase);
  const input = tf.tensor2d(elements.input, [rows, inFeatures]);
  const weight = tf.tidy(() => tf.transpose(tf.tensor2d(elements.weight, [outFeatures, inFeatures])));
  const bias = elements.bias && tf.tensor1d(elements.bias);

  /** @type {Computation["compute"]} */
  const compute = (a, b, added) => {
    const product = tf.fused.matMul({ a, b, bias: added });
    if (activation === undefined) return product;
    // x/2 · (1 + erf(x/√2)): its fused activations are others.
    return tf.mul(tf.mul(product, 0.5), tf.add(tf.erf(tf.mul(product, Math.SQRT1_2)), 1));
  };
  return {
    inputs: [input, weight, ...(bias ? [bias] : [])],
    compute,
    toCase: (/** @type {tf.Tensor} */ gradient, /** @type {number} */ index) =>
      index === 1 ? tf.transpose(gradient) : gradient,
  };
}
