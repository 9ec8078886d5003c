import { editDistance } from "../../edit-distance.js";
import { loadCounts, saveCounts } from "./metric.js";
import {
  metricOrScore,
  readPairs,
  readTokenize,
  type ScoreArguments,
  type TextMetric,
  type TextScoreOptions,
} from "./texts.js";

const OPERATION = "wordErrorRate";

/**
 * A metric of the word error rate, whose `update` takes arrays of texts. See the function of texts below.
 *
 * @param options What words are.
 * @returns A metric that has counted nothing yet.
 * @throws {TypeError} for wrong kinds.
 */
export function wordErrorRate(options?: TextScoreOptions): TextMetric;
/**
 * The word error rate: how many words were to be inserted, deleted or replaced for the hypotheses to be the references, at the
 * least, divided by the number of the references' words; where they have none, the number alone. As jiwer's `wer`. With
 * `tokenize: (text) => [...text]` it is the character error rate.
 *
 * @example
 * ```js
 * import { wordErrorRate } from "wasm-attention/train";
 *
 * console.log(wordErrorRate(["the cat sat on the mat"], ["the cat is on the mat"])); // 0.16666666666666666
 * ```
 *
 * @param hypotheses Texts.
 * @param references What each of them should be.
 * @param options What words are.
 * @returns The rate, from 0; more than 1 where too much was said.
 * @throws {TypeError} for anything but arrays of strings.
 * @throws {RangeError} for more or fewer references than hypotheses.
 */
export function wordErrorRate(
  hypotheses: readonly string[],
  references: readonly string[],
  options?: TextScoreOptions,
): number;
export function wordErrorRate(...given: ScoreArguments<string>): TextMetric | number {
  return metricOrScore(metricOf, given);
}

function metricOf(options: TextScoreOptions | undefined): TextMetric {
  const read = readTokenize(OPERATION, options);
  let [edits, words] = [0, 0];
  return {
    update(hypotheses, references) {
      for (const [hypothesis, reference] of readPairs(OPERATION, hypotheses, references, read, read)) {
        edits += editDistance(hypothesis, reference);
        words += reference.length;
      }
    },
    compute: () => edits / Math.max(1, words),
    get state() {
      return saveCounts([edits, words]);
    },
    set state(state: unknown) {
      [edits, words] = loadCounts(OPERATION, state, 2);
    },
  };
}
