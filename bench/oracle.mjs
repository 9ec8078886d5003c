// What an engine's result is held against: every operation in float64, straight from its equation. Of long cases only
// some rows are computed, in all their elements: else the check would take longer than the timing.
//
// How far a float32 result may lie from it. u = 2^-24 is the unit roundoff.
//
// - A sum of n products errs by at most n · u · Σ|products|, when every rounding goes the same way. They don't: independent
//   roundings add up to √n · u · Σ|products|, and √n is what is allowed, doubled.
// - So a score errs by 2√D · u · m, where m is the largest Σ|q · k| · scale + |mask| of the case. By the exponential this
//   is the relative error of a weight, and of the denominator as well; the exponential's own error is some u. Denominator
//   and output are sums over S keys. An output is a mean of values below 1, so all of it is absolute:
//   2u · (√D · (1 + m) + √S). Dropout magnifies it by 1 / (1 - p).
//   A softcap's slope is at most 1, and its own error is some u. An ALiBi penalty belongs to m, a sink to the denominator.
// - A weight errs by as much, times its own size.
// - float16 rounds the output by 2^-11, and an engine may round the weights to float16 as well: 2 · 2^-11. With bfloat16
//   that is 2 · 2^-8.
// - A linear layer's output errs by 2√K · u · m, where m is the largest Σ|x · w| + |bias|. The slope of GELU is below 1.13,
//   which the 2 has room for.
//
// This is 3e-6 to 3e-4, far above what engines err by, and far below what a mistake changes: one key seen too much or too
// little changes an output by about 1/S, one product left out of a layer changes it by about 1/√K.
import { DROPOUT_SEED, positionOf, visibleKeys } from "./cases.mjs";
import { expectAttentionGradients, expectLinearGradient } from "./gradient-oracle.mjs";
import { addedBy, makeInputs } from "./inputs.mjs";
import { keptKeys } from "./philox.mjs";
import { expectLosses } from "./training-step.mjs";

/** @typedef {import("./cases.mjs").AttentionCase} AttentionCase */
/** @typedef {import("./cases.mjs").LinearCase} LinearCase */

/**
 * @typedef {object} ExpectedTensor
 * @property {number} length of the whole tensor
 * @property {{ start: number, elements: Float64Array }[]} runs what it holds from some places on
 * @property {number} tolerance the largest absolute difference that float32 explains
 */

/** @typedef {readonly ExpectedTensor[]} Expected output, and weights where they are asked for; or the gradients, or the losses */
/** @typedef {readonly ArrayLike<number>[]} Actual the same */

const UNIT_ROUNDOFF = 2 ** -24;
/** Of what a tensor of the dtype holds, beside float32's. */
const STORAGE_ROUNDOFF = { float32: 0, float16: 2 ** -11, bfloat16: 2 ** -8 };

/** Multiply-adds that the oracle does in a second or two. */
const WHOLE_CHECK = 2 ** 31;
const CHECKED_ROWS = 128;

/**
 * All rows; or, where that is too much, the first and the last three and some between them. Their distance is odd, so that
 * they lie at every place of a tile.
 * @param {number} rows
 * @param {number} multiplyAdds
 */
function chooseRows(rows, multiplyAdds) {
  const step = multiplyAdds <= WHOLE_CHECK ? 1 : Math.floor(rows / CHECKED_ROWS) | 1;
  return Array.from({ length: rows }, (_, row) => row).filter((row) => row % step === 0 || row < 3 || row >= rows - 3);
}

/**
 * @param {import("./cases.mjs").Case} benchmarkCase
 * @returns {Expected}
 */
export function expect(benchmarkCase) {
  switch (benchmarkCase.operation) {
    case "attention":
      return expectAttention(benchmarkCase);
    case "linear":
      return expectLinear(benchmarkCase);
    case "attention gradient":
      return expectAttentionGradients(benchmarkCase);
    case "linear gradient":
      return expectLinearGradient(benchmarkCase);
    case "training step":
      return [expectLosses(benchmarkCase)];
  }
}

/**
 * output = dropout(softmax(softcap(query · keyᵀ / √D) - slope · distance + mask)) · value, row by row. Of a sink the
 * softmax has a term in the denominator.
 * @param {AttentionCase} attentionCase
 * @returns {Expected}
 */
function expectAttention(attentionCase) {
  const { batch, heads, keyHeads, queryLength, keyLength, headSize, valueHeadSize, layout } = attentionCase;
  const { dtype, softcap, dropoutP = 0, needWeights } = attentionCase;
  const { query, key, value, mask, alibiSlopes, sinks } = makeInputs(attentionCase);
  const scale = 1 / Math.sqrt(headSize);
  const headsWithWeights = { all: heads, "one head": 1, none: 0 }[needWeights ?? "none"];
  const startOf = (
    /** @type {number[]} */ [b, head, row],
    /** @type {number} */ count,
    /** @type {number} */ length,
  ) => (layout === "BHLD" ? (b * count + head) * length + row : (b * length + row) * count + head);

  const outputs = [];
  const weightRows = [];
  const scores = new Float64Array(keyLength);
  let largestMagnitude = 0;
  let largestWeight = 0;
  const work = batch * heads * queryLength * keyLength * (headSize + valueHeadSize);
  const rows = chooseRows(queryLength, work);
  for (let b = 0; b < batch; b++) {
    for (let head = 0; head < heads; head++) {
      const keyHead = Math.floor(head / (heads / keyHeads));
      for (const row of rows) {
        const { start, end } = visibleKeys(attentionCase, row);
        const queryStart = startOf([b, head, row], heads, queryLength) * headSize;

        const sink = sinks?.[head] ?? -Infinity;
        let maximum = sink;
        for (let column = start; column < end; column++) {
          const keyStart = startOf([b, keyHead, column], keyHeads, keyLength) * headSize;
          let score = 0;
          let magnitude = 0;
          for (let d = 0; d < headSize; d++) {
            const product = query[queryStart + d] * key[keyStart + d];
            score += product;
            magnitude += Math.abs(product);
          }
          const raw = scale * score;
          const capped = softcap === undefined ? raw : softcap * Math.tanh(raw / softcap);
          const penalty = (alibiSlopes?.[head] ?? 0) * Math.abs(positionOf(attentionCase, row) - column);
          scores[column] = capped - penalty + addedBy(mask, row * keyLength + column);
          maximum = Math.max(maximum, scores[column]);
          largestMagnitude = Math.max(largestMagnitude, scale * magnitude + penalty);
        }

        let sum = Math.exp(sink - maximum);
        for (let column = start; column < end; column++) {
          scores[column] = Math.exp(scores[column] - maximum);
          sum += scores[column];
        }
        const weights = new Float64Array(keyLength);
        for (let column = start; column < end; column++) {
          weights[column] = scores[column] / sum;
          largestWeight = Math.max(largestWeight, weights[column]);
        }
        if (head < headsWithWeights) {
          weightRows.push({
            start: ((b * headsWithWeights + head) * queryLength + row) * keyLength,
            elements: weights,
          });
        }

        const kept = dropoutP > 0 ? keptKeys(DROPOUT_SEED, dropoutP, { batch: b, head, row }, end) : undefined;
        const elements = new Float64Array(valueHeadSize);
        for (let column = start; column < end; column++) {
          if (kept?.[column] === false) continue;
          const weight = weights[column] / (1 - dropoutP);
          const valueStart = startOf([b, keyHead, column], keyHeads, keyLength) * valueHeadSize;
          for (let d = 0; d < valueHeadSize; d++) elements[d] += weight * value[valueStart + d];
        }
        outputs.push({ start: startOf([b, head, row], heads, queryLength) * valueHeadSize, elements });
      }
    }
  }

  const magnitude = largestMagnitude + (attentionCase.mask === "float" ? 1 : 0);
  const roundings = Math.sqrt(headSize) * (1 + magnitude) + Math.sqrt(keyLength);
  const tolerance = (2 * UNIT_ROUNDOFF * roundings) / (1 - dropoutP) + 2 * STORAGE_ROUNDOFF[dtype];
  const output = { length: batch * heads * queryLength * valueHeadSize, runs: outputs, tolerance };
  if (needWeights === undefined) return [output];
  const length = batch * headsWithWeights * queryLength * keyLength;
  return [output, { length, runs: weightRows, tolerance: tolerance * largestWeight }];
}

/**
 * output = activation(input · weightᵀ + bias).
 * @param {LinearCase} linearCase
 * @returns {Expected}
 */
function expectLinear(linearCase) {
  const { rows, inFeatures, outFeatures, activation } = linearCase;
  const { input, weight, bias } = makeInputs(linearCase);
  const runs = [];
  let largestMagnitude = 0;
  for (const row of chooseRows(rows, rows * inFeatures * outFeatures)) {
    const elements = new Float64Array(outFeatures);
    for (let column = 0; column < outFeatures; column++) {
      let sum = bias?.[column] ?? 0;
      let magnitude = Math.abs(sum);
      for (let k = 0; k < inFeatures; k++) {
        const product = input[row * inFeatures + k] * weight[column * inFeatures + k];
        sum += product;
        magnitude += Math.abs(product);
      }
      elements[column] = activation === "gelu" ? gelu(sum) : sum;
      largestMagnitude = Math.max(largestMagnitude, magnitude);
    }
    runs.push({ start: row * outFeatures, elements });
  }
  const tolerance = 2 * Math.sqrt(inFeatures) * UNIT_ROUNDOFF * largestMagnitude;
  return [{ length: rows * outFeatures, runs, tolerance }];
}

/** x · Φ(x), the exact one. @param {number} x */
const gelu = (x) => 0.5 * x * (1 + erf(x / Math.SQRT2));

/**
 * 2/√π · e^(-x²) · Σ 2ⁿ x^(2n+1) / (1 · 3 · 5 … (2n+1)), whose terms all have one sign (Abramowitz and Stegun 7.1.6). From
 * 6 on, float64 knows only ±1.
 * @param {number} x
 */
function erf(x) {
  if (Math.abs(x) >= 6) return Math.sign(x);
  let term = x;
  let sum = x;
  for (let n = 1; Math.abs(term) > 1e-17 * Math.abs(sum); n++) {
    term *= (2 * x * x) / (2 * n + 1);
    sum += term;
  }
  return (2 / Math.sqrt(Math.PI)) * Math.exp(-x * x) * sum;
}

/**
 * The largest absolute difference and what is allowed, of the tensor where the difference is larger in proportion.
 * @param {Actual} actual
 * @param {Expected} expected
 * @returns {{ error: number, tolerance: number }} error is NaN when a number is missing or is NaN
 */
export const compare = (actual, expected) =>
  expected
    .map((tensor, index) => ({ error: largestError(actual[index] ?? [], tensor), tolerance: tensor.tolerance }))
    .reduce((worst, other) => (other.error / other.tolerance <= worst.error / worst.tolerance ? worst : other));

/**
 * @param {ArrayLike<number>} actual
 * @param {ExpectedTensor} expected
 */
function largestError(actual, { length, runs }) {
  if (actual.length !== length) return NaN;
  let largest = 0;
  for (const { start, elements } of runs) {
    // Math.max answers NaN when it is given one.
    for (let i = 0; i < elements.length; i++) largest = Math.max(largest, Math.abs(actual[start + i] - elements[i]));
  }
  return largest;
}
