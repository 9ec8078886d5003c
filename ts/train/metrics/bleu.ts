import { rangeError } from "../../errors.js";
import { exponential } from "../exponential.js";
import { loadCounts, saveCounts } from "./metric.js";
import {
  metricOrScore,
  readPairs,
  readTokenize,
  type ReadWords,
  type ScoreArguments,
  type TextMetric,
  type TextScoreOptions,
  type Words,
} from "./texts.js";

const OPERATION = "bleu";

/** What a hypothesis should be: one text, or several that are all right. */
export type BleuReference = string | readonly string[];

const ORDERS = [1, 2, 3, 4];

/** How often each n-gram stands in a text. */
function countGrams(words: Words, order: number): Map<string, number> {
  const counts = new Map<string, number>();
  for (let start = 0; start + order <= words.length; start++) {
    const gram = JSON.stringify(words.slice(start, start + order));
    counts.set(gram, (counts.get(gram) ?? 0) + 1);
  }
  return counts;
}

/** How many n-grams of a text stand in its references, each as often as in the one that has most of it. */
function countMatches(hypothesis: Words, references: readonly Words[], order: number): number {
  const allowed = references.map((reference) => countGrams(reference, order));
  let matches = 0;
  for (const [gram, count] of countGrams(hypothesis, order)) {
    matches += Math.min(count, Math.max(...allowed.map((counts) => counts.get(gram) ?? 0)));
  }
  return matches;
}

/** A reference's texts, of which there is one at least. */
function readReferences(read: ReadWords, argument: string, reference: unknown): readonly Words[] {
  if (!Array.isArray(reference)) return [read(argument, reference)];
  if (reference.length === 0) throw rangeError(OPERATION, argument, "a string or an array of at least one", reference);
  return reference.map((text) => read(argument, text));
}

/** The length that is nearest to a text's; of two that are as near the shorter. */
const nearestLength = (length: number, references: readonly Words[]): number =>
  references
    .map((reference) => reference.length)
    .reduce((best, other) => {
      const [near, far] = [Math.abs(best - length), Math.abs(other - length)];
      return far < near || (far === near && other < best) ? other : best;
    });

function metricOf(options: TextScoreOptions | undefined): TextMetric<BleuReference> {
  const read = readTokenize(OPERATION, options);
  let matches = ORDERS.map(() => 0);
  let totals = ORDERS.map(() => 0);
  let [length, referenceLength] = [0, 0];
  return {
    update(hypotheses, references) {
      const pairs = readPairs(OPERATION, hypotheses, references, read, (argument, reference) =>
        readReferences(read, argument, reference),
      );
      for (const [hypothesis, expected] of pairs) {
        length += hypothesis.length;
        referenceLength += nearestLength(hypothesis.length, expected);
        ORDERS.forEach((order, index) => {
          matches[index] += countMatches(hypothesis, expected, order);
          totals[index] += Math.max(0, hypothesis.length - order + 1);
        });
      }
    },
    compute() {
      if (matches[0] === 0 || totals.includes(0)) return 0;
      // Orders without a match count as half a match, a quarter of one …
      let smallest = 1;
      const product = matches.reduce(
        (result, count, index) => (result * (count > 0 ? count : (smallest /= 2))) / totals[index],
        1,
      );
      const brevity = length < referenceLength ? exponential(OPERATION, 1 - referenceLength / length) : 1;
      // The fourth root, which every host rounds alike.
      return 100 * brevity * Math.sqrt(Math.sqrt(product));
    },
    get state() {
      return saveCounts([length, referenceLength, ...matches, ...totals]);
    },
    set state(state: unknown) {
      const [first, second, ...counts] = loadCounts(OPERATION, state, 2 + 2 * ORDERS.length);
      [length, referenceLength] = [first, second];
      [matches, totals] = [counts.slice(0, ORDERS.length), counts.slice(ORDERS.length)];
    },
  };
}

/**
 * A metric of BLEU, whose `update` takes arrays of texts. See the function of texts below.
 *
 * @param options What words are.
 * @returns A metric that has counted nothing yet.
 * @throws {TypeError} for wrong kinds.
 */
export function bleu(options?: TextScoreOptions): TextMetric<BleuReference>;
/**
 * BLEU of a corpus, from 0 to 100: the geometric mean of the shares of the hypotheses' n-grams, n from 1 to 4, that stand in their
 * references, times e^(1 − r/c) where the hypotheses' c words are fewer than the references' r. (Papineni et al. 2002, "BLEU: a
 * Method for Automatic Evaluation of Machine Translation".) As sacrebleu's `corpus_bleu` with `tokenize="none"`: an n-gram counts
 * as often as in the reference that has most of it; r sums up the lengths that are nearest; the k-th order without a match counts
 * 2^-k; without any match, or where an order has no n-grams, the score is 0.
 *
 * sacrebleu's default, `tokenize="13a"`, separates punctuation from words first, which gives other scores: pass such a `tokenize`
 * to compare with those.
 *
 * @example
 * ```js
 * import { init } from "wasm-attention";
 * import { bleu } from "wasm-attention/train";
 *
 * await init();
 * console.log(bleu(["the cat sat on the mat"], ["the cat is on the mat"]).toFixed(4)); // 37.9918
 * ```
 *
 * @param hypotheses Texts.
 * @param references What each of them should be: a text, or several of which each is right.
 * @param options What words are.
 * @returns The score.
 * @throws {TypeError} for anything but arrays of strings.
 * @throws {RangeError} for more or fewer references than hypotheses, and for none where there should be several.
 * @throws {AttentionError} when there is no runtime, whose exponential it needs.
 */
export function bleu(
  hypotheses: readonly string[],
  references: readonly BleuReference[],
  options?: TextScoreOptions,
): number;
export function bleu(...given: ScoreArguments<BleuReference>): TextMetric<BleuReference> | number {
  return metricOrScore(metricOf, given);
}
