import { scope } from "../../tensor/scope.js";
import { exponential } from "../exponential.js";
import { crossEntropy } from "../losses/cross-entropy.js";
import { type ClassMetric, type ClassMetricOptions, readClasses, readIgnoreIndex } from "./classes.js";
import { loadCounts, saveCounts } from "./metric.js";

const OPERATION = "perplexity";

/**
 * exp(Σ −ln p / n) over n targets, with p = softmax(logits) of the target: of how many equally likely tokens the model might as well
 * choose. 1 where nothing is counted. The terms are `crossEntropy`'s, in float32; their sum is a float64's, target after target, so
 * that it doesn't depend on how they are put into batches.
 *
 * `update` takes what that of `accuracy` does.
 *
 * @param options Which targets aren't counted.
 * @returns A metric that has counted nothing yet.
 * @throws {TypeError} for wrong kinds.
 * @throws {RangeError} for an `ignoreIndex` that is no 32-bit integer.
 */
export function perplexity(options?: ClassMetricOptions): ClassMetric {
  const ignoreIndex = readIgnoreIndex(OPERATION, options);
  let [total, count] = [0, 0];
  return {
    update(outputs, targets, mask) {
      const { classes, shape } = readClasses(OPERATION, outputs, targets, mask, ignoreIndex);
      const losses = scope(() =>
        crossEntropy(outputs, { data: classes, shape }, { ignoreIndex, reduction: "none" }).toArray(),
      );
      classes.forEach((expected, row) => {
        if (expected === ignoreIndex) return;
        total += losses[row];
        count += 1;
      });
    },
    compute: () => exponential(OPERATION, count === 0 ? 0 : total / count),
    get state() {
      return saveCounts([total, count]);
    },
    set state(state: unknown) {
      [total, count] = loadCounts(OPERATION, state, 2);
    },
  };
}
