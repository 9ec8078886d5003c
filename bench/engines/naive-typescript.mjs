// What a developer writes without a library: plain loops over Float32Array, one row of scores at a time, left to the
// engine's compiler. Keys that causality or a window closes are not visited.
import { isOursAlone, visibleKeys } from "../cases.mjs";
import { makeInputs } from "../inputs.mjs";

/** @typedef {import("../cases.mjs").AttentionCase} AttentionCase */
/** @typedef {import("../cases.mjs").LinearCase} LinearCase */

/** @type {import("./adapter.mjs").Open} */
export const open = () => ({ version: "", prepare });

/** @param {import("../cases.mjs").Case} benchmarkCase */
function prepare(benchmarkCase) {
  const compute = makeLoops(benchmarkCase);
  return compute && { run: compute, result: compute, close() {} };
}

/** @param {import("../cases.mjs").Case} benchmarkCase */
function makeLoops(benchmarkCase) {
  switch (benchmarkCase.operation) {
    case "attention":
      return prepareAttention(benchmarkCase);
    case "linear":
      return prepareLinear(benchmarkCase);
    default:
      return undefined;
  }
}

/**
 * @param {AttentionCase} attentionCase
 * @returns {(() => Float32Array) | undefined}
 */
function prepareAttention(attentionCase) {
  const { batch, heads, keyHeads, queryLength, keyLength, headSize, valueHeadSize } = attentionCase;
  const { layout, dtype, softcap, dropoutP, needWeights } = attentionCase;
  if (dtype !== "float32" || softcap !== undefined || isOursAlone(attentionCase)) return undefined;
  if (dropoutP !== undefined || needWeights !== undefined) return undefined;

  const { query, key, value, mask } = makeInputs(attentionCase);
  const isBoolean = attentionCase.mask === "boolean";
  const scale = 1 / Math.sqrt(headSize);
  const visible = Array.from({ length: queryLength }, (_, row) => visibleKeys(attentionCase, row));

  /** How far apart heads and rows lie. @param {number} headCount @param {number} length @param {number} size */
  const stridesOf = (headCount, length, size) =>
    layout === "BHLD" ? { head: length * size, row: size } : { head: size, row: headCount * size };
  const queryStride = stridesOf(heads, queryLength, headSize);
  const keyStride = stridesOf(keyHeads, keyLength, headSize);
  const valueStride = stridesOf(keyHeads, keyLength, valueHeadSize);
  const outputStride = stridesOf(heads, queryLength, valueHeadSize);

  return () => {
    const output = new Float32Array(batch * heads * queryLength * valueHeadSize);
    const weights = new Float32Array(keyLength);
    for (let b = 0; b < batch; b++) {
      for (let head = 0; head < heads; head++) {
        const keyHead = Math.floor(head / (heads / keyHeads));
        const queryHead = b * heads * queryLength * headSize + head * queryStride.head;
        const firstKey = b * keyHeads * keyLength * headSize + keyHead * keyStride.head;
        const firstValue = b * keyHeads * keyLength * valueHeadSize + keyHead * valueStride.head;
        const outputHead = b * heads * queryLength * valueHeadSize + head * outputStride.head;

        for (let row = 0; row < queryLength; row++) {
          const { start, end } = visible[row];
          const queryRow = queryHead + row * queryStride.row;
          let maximum = -Infinity;
          for (let column = start; column < end; column++) {
            const keyRow = firstKey + column * keyStride.row;
            let score = 0;
            for (let d = 0; d < headSize; d++) score += query[queryRow + d] * key[keyRow + d];
            score *= scale;
            if (mask !== undefined) {
              const element = mask[row * keyLength + column];
              if (!isBoolean) score += element;
              else if (element === 0) score = -Infinity;
            }
            weights[column] = score;
            if (score > maximum) maximum = score;
          }

          let sum = 0;
          for (let column = start; column < end; column++) {
            weights[column] = Math.exp(weights[column] - maximum);
            sum += weights[column];
          }

          const outputRow = outputHead + row * outputStride.row;
          for (let column = start; column < end; column++) {
            const weight = weights[column] / sum;
            const valueRow = firstValue + column * valueStride.row;
            for (let d = 0; d < valueHeadSize; d++) output[outputRow + d] += weight * value[valueRow + d];
          }
        }
      }
    }
    return output;
  };
}

/**
 * @param {LinearCase} linearCase
 * @returns {(() => Float32Array) | undefined}
 */
function prepareLinear(linearCase) {
  const { rows, inFeatures, outFeatures, activation } = linearCase;
  // JavaScript has no error function, which exact GELU needs.
  if (activation !== undefined) return undefined;

  const { input, weight, bias } = makeInputs(linearCase);
  return () => {
    const output = new Float32Array(rows * outFeatures);
    for (let row = 0; row < rows; row++) {
      const inputRow = row * inFeatures;
      for (let column = 0; column < outFeatures; column++) {
        const weightRow = column * inFeatures;
        let sum = bias?.[column] ?? 0;
        for (let k = 0; k < inFeatures; k++) sum += input[inputRow + k] * weight[weightRow + k];
        output[row * outFeatures + column] = sum;
      }
    }
    return output;
  };
}
