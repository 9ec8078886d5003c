import {
  type ClassMetric,
  type ClassMetricOptions,
  forEachPrediction,
  readClasses,
  readIgnoreIndex,
} from "./classes.js";
import { loadCounts, saveCounts } from "./metric.js";

const OPERATION = "accuracy";

/**
 * The share of targets to which the model gives the largest logit; the first of equal ones counts. As scikit-learn's
 * `accuracy_score` of the predicted classes, and 0 where nothing is counted.
 *
 * `update` takes logits `[…, C]`, integer targets `[…]`, and a mask: true = counted, where it has the targets' shape. A mask of
 * another length says where the inputs have tokens, and nothing about targets.
 *
 * @example
 * ```js
 * import { init, Tensor } from "wasm-attention";
 * import { accuracy } from "wasm-attention/train";
 *
 * await init();
 * const metric = accuracy();
 * metric.update(Tensor.from([[1, 2], [2, 1], [0, 3]]), [1, 1, -100]);
 * console.log(metric.compute()); // 0.5
 * ```
 *
 * @param options Which targets aren't counted.
 * @returns A metric that has counted nothing yet.
 * @throws {TypeError} for wrong kinds.
 * @throws {RangeError} for an `ignoreIndex` that is no 32-bit integer.
 */
export function accuracy(options?: ClassMetricOptions): ClassMetric {
  const ignoreIndex = readIgnoreIndex(OPERATION, options);
  let [right, all] = [0, 0];
  return {
    update(outputs, targets, mask) {
      const { classes } = readClasses(OPERATION, outputs, targets, mask, ignoreIndex);
      forEachPrediction(outputs, classes, ignoreIndex, (predicted, expected) => {
        right += Number(predicted === expected);
        all += 1;
      });
    },
    compute: () => (all === 0 ? 0 : right / all),
    get state() {
      return saveCounts([right, all]);
    },
    set state(state: unknown) {
      [right, all] = loadCounts(OPERATION, state, 2);
    },
  };
}
