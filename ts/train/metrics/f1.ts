import { checkChoice, checkOptions } from "../../arguments.js";
import {
  type ClassMetric,
  type ClassMetricOptions,
  forEachPrediction,
  readClasses,
  readIgnoreIndex,
} from "./classes.js";
import { loadCounts, saveCounts } from "./metric.js";

const OPERATION = "f1";

/** Options of `f1`. */
export interface F1Options extends ClassMetricOptions {
  /** How the classes' scores become one: "macro" is their mean, in "weighted" each counts as often as it is a target. Default: "macro". */
  average?: "macro" | "weighted";
}

/** How often each class was predicted rightly, predicted, and a target, one after the other. */
const COUNTS = 3;

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
export function f1(options?: F1Options): ClassMetric {
  const { average = "macro", ignoreIndex: ignored } = checkOptions(OPERATION, options, ["average", "ignoreIndex"]);
  checkChoice(OPERATION, "average", average, ["macro", "weighted"]);
  const ignoreIndex = readIgnoreIndex(OPERATION, { ignoreIndex: ignored });
  let counts: number[] = [];
  const count = (label: number, which: number): void => {
    while (counts.length < (label + 1) * COUNTS) counts.push(0);
    counts[label * COUNTS + which] += 1;
  };
  return {
    update(outputs, targets, mask) {
      const { classes } = readClasses(OPERATION, outputs, targets, mask, ignoreIndex);
      forEachPrediction(outputs, classes, ignoreIndex, (predicted, expected) => {
        if (predicted === expected) count(expected, 0);
        count(predicted, 1);
        count(expected, 2);
      });
    },
    compute() {
      let [total, weights] = [0, 0];
      for (let at = 0; at < counts.length; at += COUNTS) {
        const [right, predicted, expected] = counts.slice(at, at + COUNTS);
        if (predicted + expected === 0) continue;
        const weight = average === "macro" ? 1 : expected;
        total += (weight * 2 * right) / (predicted + expected);
        weights += weight;
      }
      return weights === 0 ? 0 : total / weights;
    },
    get state() {
      return saveCounts(counts);
    },
    set state(state: unknown) {
      counts = loadCounts(OPERATION, state);
    },
  };
}
