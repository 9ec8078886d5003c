import { checkOptions } from "../../arguments.js";
import { rangeError, typeError } from "../../errors.js";
import type { Metric } from "./metric.js";

/** Options of the scores of texts. */
export interface TextScoreOptions {
  /** What a text's words are. Default: what stands between white space (Unicode's `White_Space`), as it stands. */
  tokenize?: (text: string) => readonly string[];
}

/** A metric whose outputs are texts, with the texts or whatever else each should be. */
export type TextMetric<Reference = string> = Metric<readonly string[], readonly Reference[]>;

/** Texts by their words. */
export type Words = readonly string[];

const split = (text: string): Words => text.match(/\P{White_Space}+/gu) ?? [];

/** An array of anything. */
function checkArray(operation: string, argument: string, value: unknown): readonly unknown[] {
  if (!Array.isArray(value)) throw typeError(operation, argument, "an array of strings", value);
  return value;
}

/** How an argument's texts become words; what isn't text, or no words, is a TypeError. */
export type ReadWords = (argument: string, text: unknown) => Words;

/** The option, checked. */
export function readTokenize(operation: string, options: TextScoreOptions | undefined): ReadWords {
  const { tokenize = split } = checkOptions(operation, options, ["tokenize"]);
  if (typeof tokenize !== "function") throw typeError(operation, "tokenize", "a function", tokenize);
  return (argument, text) => {
    if (typeof text !== "string") throw typeError(operation, argument, "a string", text);
    const words: unknown = tokenize(text);
    if (!Array.isArray(words) || words.some((word) => typeof word !== "string")) {
      throw typeError(operation, "tokenize", "a function that returns an array of strings", words);
    }
    return words as Words;
  };
}

/** Calls `count` with each text's words and what it should be, after a check that there are as many of both. */
export function readPairs<Reference>(
  operation: string,
  hypotheses: unknown,
  references: unknown,
  read: ReadWords,
  readReference: (argument: string, reference: unknown) => Reference,
): readonly (readonly [hypothesis: Words, reference: Reference])[] {
  const texts = checkArray(operation, "hypotheses", hypotheses);
  const expected = checkArray(operation, "references", references);
  if (texts.length !== expected.length) {
    throw rangeError(operation, "references", `${texts.length}, one for each hypothesis`, expected.length);
  }
  return texts.map((text, index) => [
    read(`hypotheses, element ${index}`, text),
    readReference(`references, element ${index}`, expected[index]),
  ]);
}

/** What a function of this name is called with: options for a metric, or texts to be scored at once. */
export type ScoreArguments<Reference> =
  | [options?: TextScoreOptions]
  | [hypotheses: readonly string[], references: readonly Reference[], options?: TextScoreOptions];

/** The metric, or its number for texts, if there are any. */
export function metricOrScore<Reference>(
  make: (options: TextScoreOptions | undefined) => TextMetric<Reference>,
  given: ScoreArguments<Reference>,
): TextMetric<Reference> | number {
  const [hypotheses, references, options] = given;
  if (!Array.isArray(hypotheses) && references === undefined) return make(hypotheses as TextScoreOptions | undefined);
  const metric = make(options);
  metric.update(hypotheses as readonly string[], references as readonly Reference[]);
  return metric.compute();
}
