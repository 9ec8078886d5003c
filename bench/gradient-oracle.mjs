// Gradients in float64, straight from their equations: what the engines' are held against.
//
// With w the weights, dO the gradient of the output, κ = 1 / (1 - p) where dropout keeps a key and 0 elsewhere:
//
//   dw = κ Σ dO · v, δ = Σ_j w dw, dscore = w (dw - δ), draw = dscore · (1 - tanh²) with a softcap;
//   dq = scale Σ_j draw k, dk = scale Σ_i draw q, dv = Σ_i κ w dO, dmask = Σ_heads dscore.
//
// How far float32 may be off follows docs/semantics.md, which allows twice the error of plain float32 loops and
// 2^-20 · F: with a the largest Σ|q · k| · scale + |mask| of a row, M = (1 + a) · w · (Σ|dO · v| κ + Σ_j w κ Σ|dO · v|), F is
// scale Σ_j M |k|, scale Σ_i M |q|, Σ_i (1 + a) κ w |dO| and Σ M. 2^-20 is 16 roundoffs where the sums of the products alone
// have some √D: 2^-20 · F by itself is taken here, of the tensor's largest F.
import { DROPOUT_SEED, positionOf, visibleKeys } from "./cases.mjs";
import { addedBy, makeInputs, makeOutputGradient } from "./inputs.mjs";
import { keptKeys } from "./philox.mjs";

const SHARE = 2 ** -20;
const UNIT_ROUNDOFF = 2 ** -24;

/** A sum of gradients, and of what bounds their errors. @param {number} length */
const sums = (length) => ({ values: new Float64Array(length), bounds: new Float64Array(length) });

/**
 * A whole tensor. @param {ReturnType<typeof sums>} sums
 * @returns {import("./oracle.mjs").ExpectedTensor}
 */
const expectWhole = ({ values, bounds }) => ({
  length: values.length,
  runs: [{ start: 0, elements: values }],
  tolerance: SHARE * bounds.reduce((largest, bound) => Math.max(largest, bound), 0),
});

/**
 * The gradients of query, key and value, and of the mask where it is asked for.
 * @param {import("./cases.mjs").AttentionGradientCase} gradientCase
 * @returns {import("./oracle.mjs").Expected}
 */
export function expectAttentionGradients(gradientCase) {
  const { batch, heads, keyHeads, queryLength, keyLength, headSize, valueHeadSize, layout } = gradientCase;
  const { softcap, dropoutP = 0, hasMaskGradient } = gradientCase;
  const { query, key, value, mask, alibiSlopes } = makeInputs(gradientCase);
  const outputGradient = makeOutputGradient(gradientCase);
  const scale = 1 / Math.sqrt(headSize);
  const [dq, dk, dv] = [query, key, value].map(({ length }) => sums(length));
  const dmask = sums(queryLength * keyLength);

  const [scores, slopes, products, magnitudes] = [0, 1, 2, 3].map(() => new Float64Array(keyLength));
  for (let b = 0; b < batch; b++) {
    for (let head = 0; head < heads; head++) {
      const keyHead = Math.floor(head / (heads / keyHeads));
      const rowOf = (/** @type {number} */ h, /** @type {number} */ count, /** @type {number} */ length) =>
        layout === "BHLD"
          ? (/** @type {number} */ row) => (b * count + h) * length + row
          : (/** @type {number} */ row) => (b * length + row) * count + h;
      const queryRow = rowOf(head, heads, queryLength);
      const keyRow = rowOf(keyHead, keyHeads, keyLength);

      for (let row = 0; row < queryLength; row++) {
        const { start, end } = visibleKeys(gradientCase, row);
        const q = queryRow(row) * headSize;
        const o = queryRow(row) * valueHeadSize;
        const kept = dropoutP > 0 ? keptKeys(DROPOUT_SEED, dropoutP, { batch: b, head, row }, end) : undefined;
        let [maximum, largest] = [-Infinity, 0];
        for (let column = start; column < end; column++) {
          const added = addedBy(mask, row * keyLength + column);
          const k = keyRow(column) * headSize;
          let [score, magnitude] = [0, 0];
          for (let d = 0; d < headSize; d++) {
            const product = query[q + d] * key[k + d];
            score += product;
            magnitude += Math.abs(product);
          }
          const raw = scale * score;
          const tangent = softcap === undefined ? 0 : Math.tanh(raw / softcap);
          const penalty = (alibiSlopes?.[head] ?? 0) * Math.abs(positionOf(gradientCase, row) - column);
          slopes[column] = 1 - tangent ** 2;
          scores[column] = (softcap === undefined ? raw : softcap * tangent) - penalty + added;
          maximum = Math.max(maximum, scores[column]);
          if (added !== -Infinity) largest = Math.max(largest, scale * magnitude + penalty + Math.abs(added));

          const v = keyRow(column) * valueHeadSize;
          const factor = kept?.[column] === false ? 0 : 1 / (1 - dropoutP);
          let [gradient, gradientMagnitude] = [0, 0];
          for (let d = 0; d < valueHeadSize; d++) {
            const product = outputGradient[o + d] * value[v + d];
            gradient += product;
            gradientMagnitude += Math.abs(product);
          }
          products[column] = factor * gradient;
          magnitudes[column] = factor * gradientMagnitude;
        }

        let sum = 0;
        for (let column = start; column < end; column++) {
          scores[column] = Math.exp(scores[column] - maximum);
          sum += scores[column];
        }
        let [delta, deltaMagnitude] = [0, 0];
        for (let column = start; column < end; column++) {
          scores[column] /= sum;
          delta += scores[column] * products[column];
          deltaMagnitude += scores[column] * magnitudes[column];
        }
        for (let column = start; column < end; column++) {
          const weight = scores[column];
          const ofScore = weight * (products[column] - delta);
          const bound = (1 + largest) * weight * (magnitudes[column] + deltaMagnitude);
          dmask.values[row * keyLength + column] += ofScore;
          dmask.bounds[row * keyLength + column] += bound;
          const ofRaw = scale * ofScore * slopes[column];
          const k = keyRow(column) * headSize;
          for (let d = 0; d < headSize; d++) {
            dq.values[q + d] += ofRaw * key[k + d];
            dq.bounds[q + d] += scale * bound * Math.abs(key[k + d]);
            dk.values[k + d] += ofRaw * query[q + d];
            dk.bounds[k + d] += scale * bound * Math.abs(query[q + d]);
          }
          if (kept?.[column] === false) continue;
          const v = keyRow(column) * valueHeadSize;
          const dropped = weight / (1 - dropoutP);
          for (let d = 0; d < valueHeadSize; d++) {
            dv.values[v + d] += dropped * outputGradient[o + d];
            dv.bounds[v + d] += (1 + largest) * dropped * Math.abs(outputGradient[o + d]);
          }
        }
      }
    }
  }
  return [dq, dk, dv, ...(hasMaskGradient ? [dmask] : [])].map(expectWhole);
}

/** Multiply-adds that the oracle does in a second or two. */
const WHOLE_CHECK = 2 ** 31;

/**
 * dx = dy · weight, or dweight = dyᵀ · x: a sum of N or M products. As of a layer's output, 2√n · u · m is allowed, where m is the
 * largest sum of their magnitudes.
 * @param {import("./cases.mjs").LinearGradientCase} gradientCase
 * @returns {import("./oracle.mjs").Expected}
 */
export function expectLinearGradient(gradientCase) {
  const { rows, inFeatures, outFeatures, of } = gradientCase;
  const { input, weight } = makeInputs(gradientCase);
  const dy = makeOutputGradient(gradientCase);
  const [height, terms] = of === "input" ? [rows, outFeatures] : [outFeatures, rows];
  const step = height * terms * inFeatures <= WHOLE_CHECK ? 1 : 17;
  const factor = of === "input" ? weight : input;
  const runs = [];
  let largestMagnitude = 0;
  const magnitudes = new Float64Array(inFeatures);
  for (let row = 0; row < height; row += step) {
    const elements = new Float64Array(inFeatures);
    magnitudes.fill(0);
    for (let term = 0; term < terms; term++) {
      const gradient = dy[of === "input" ? row * outFeatures + term : term * outFeatures + row];
      for (let column = 0; column < inFeatures; column++) {
        const product = gradient * factor[term * inFeatures + column];
        elements[column] += product;
        magnitudes[column] += Math.abs(product);
      }
    }
    largestMagnitude = magnitudes.reduce((largest, magnitude) => Math.max(largest, magnitude), largestMagnitude);
    runs.push({ start: row * inFeatures, elements });
  }
  return [{ length: height * inFeatures, runs, tolerance: 2 * Math.sqrt(terms) * UNIT_ROUNDOFF * largestMagnitude }];
}
