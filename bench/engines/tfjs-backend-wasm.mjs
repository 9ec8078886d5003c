// TensorFlow.js on its WebAssembly backend, one thread. It has no operator for attention: two products and a softmax make it.
import { getThreadsCount, setThreadsCount, version_wasm } from "@tensorflow/tfjs-backend-wasm";
import * as tf from "@tensorflow/tfjs-core";
import { isOursAlone, visibleKeys } from "../cases.mjs";
import { makeInputs } from "../inputs.mjs";

/** @typedef {import("../cases.mjs").AttentionCase} AttentionCase */
/** @typedef {import("../cases.mjs").LinearCase} LinearCase */

/** @type {import("./adapter.mjs").Open} */
export async function open() {
  setThreadsCount(1);
  if (!(await tf.setBackend("wasm"))) throw new Error("its WebAssembly backend doesn't start");
  if (!(await tf.env().getAsync("WASM_HAS_SIMD_SUPPORT"))) throw new Error("it doesn't find SIMD");
  if (getThreadsCount() !== 1) throw new Error("it doesn't keep to one thread");
  return { version: version_wasm, prepare };
}

/** @param {import("../cases.mjs").Case} benchmarkCase */
function prepare(benchmarkCase) {
  const prepared =
    benchmarkCase.operation === "attention" ? prepareAttention(benchmarkCase) : prepareLinear(benchmarkCase);
  if (prepared === undefined) return undefined;
  const { inputs, compute } = prepared;
  return {
    run: () => tf.tidy(compute).dispose(),
    result() {
      const output = tf.tidy(compute);
      const elements = /** @type {Float32Array} */ (output.dataSync()).slice();
      output.dispose();
      return elements;
    },
    close: () => tf.dispose(inputs),
  };
}

/** @param {AttentionCase} attentionCase */
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

  const compute = () => {
    const products = tf.matMul(tf.mul(query, scale), key, false, true);
    const scores = mask
      ? tf.reshape(tf.add(tf.reshape(products, [batch * heads, queryLength, keyLength]), mask), products.shape)
      : products;
    return tf.matMul(tf.softmax(scores), value);
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
 */
function prepareLinear(linearCase) {
  const { rows, inFeatures, outFeatures, activation } = linearCase;
  const elements = makeInputs(linearCase);
  const input = tf.tensor2d(elements.input, [rows, inFeatures]);
  const weight = tf.tidy(() => tf.transpose(tf.tensor2d(elements.weight, [outFeatures, inFeatures])));
  const bias = elements.bias && tf.tensor1d(elements.bias);

  const compute = () => {
    const product = tf.fused.matMul({ a: input, b: weight, bias });
    if (activation === undefined) return product;
    // x/2 · (1 + erf(x/√2)): its fused activations are others.
    return tf.mul(tf.mul(product, 0.5), tf.add(tf.erf(tf.mul(product, Math.SQRT1_2)), 1));
  };
  return { inputs: [input, weight, ...(bias ? [bias] : [])], compute };
}
