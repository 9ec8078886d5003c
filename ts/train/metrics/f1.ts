import { checkChoice, checkOptions } from "../../arguments.js";
import { type ClassMetricOptions, forEachPrediction, readClasses, readIgnoreIndex } from "./classes.js";
import type { Metric } from "./metric.js";

const OPERATION = "f1";

/** Options of `f1`. */
export interface F1Options extends ClassMetricOptions {
  /** How the classes' scores become one: "macro" is their mean, in "weighted" each counts as often as it is a target. Default: "macro". */
  average?: "macro" | "weighted";
}

/** How often a class was predicted rightly, predicted, and a target. */
interface Counts {
  right: number;
  predicted: number;
  expected: number;
}

/**
 * F1, the harmonic mean of precision and recall: of a class 2 · right / (predicted + expected), then averaged over the classes that
 * have been predicted or expected. As scikit-learn's `f1_score` with that average, and 0 where nothing is counted.
 *
 * `update` takes what that of `accuracy` does.
 *
 * @param options How classes are averaged, and which targets aren't counted.
 * @returns A metric that has counted nothing yet.
 * @throws {TypeError} for wrong kinds.
 * @throws {RangeError} for another average, and for an `ignoreIndex` that is no 32-bit integer.
 */
export function f1(options?: F1Options): Metric {
  const { average = "macro", ignoreIndex: ignored } = checkOptions(OPERATION, options, ["average", "ignoreIndex"]);
  checkChoice(OPERATION, "average", average, ["macro", "weighted"]);
  const ignoreIndex = readIgnoreIndex(OPERATION, { ignoreIndex: ignored });
  const counts = new Map<number, Counts>();
  const countsOf = (label: number): Counts => {
    const own = counts.get(label) ?? { right: 0, predicted: 0, expected: 0 };
    counts.set(label, own);
    return own;
  };
  return {
    update(outputs, targets, mask) {
      const { classes } = readClasses(OPERATION, outputs, targets, mask, ignoreIndex);
      forEachPrediction(outputs, classes, ignoreIndex, (predicted, expected) => {
        countsOf(predicted).predicted += 1;
        countsOf(expected).expected += 1;
        countsOf(expected).right += Number(predicted === expected);
      });
    },
    compute() {
      let [total, weights] = [0, 0];
      // By class, so that the sum doesn't depend on which came first.
      for (const [, { right, predicted, expected }] of [...counts].sort(([a], [b]) => a - b)) {
        const weight = average === "macro" ? 1 : expected;
        total += (weight * 2 * right) / (predicted + expected);
        weights += weight;
      }
      return weights === 0 ? 0 : total / weights;
    },
  };
}
