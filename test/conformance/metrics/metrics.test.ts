/** Metrics against scikit-learn's, sacrebleu's and jiwer's scores. */
import { expect, it } from "vitest";
import { accuracy, bleu, f1, type F1Options, type Metric, perplexity, wordErrorRate } from "../../../ts/entry/train.js";
import { forEachArithmetic } from "../../support/arithmetics.js";
import { withoutLeak } from "../../support/without-leak.js";
import { type CaseRecord, loadCases, requiredInput } from "../records.js";

interface MetricAttributes {
  readonly ignore_index: number;
  readonly average: F1Options["average"];
  readonly hypotheses: readonly string[];
  readonly references: readonly string[];
  readonly tokenize: string;
}

/** What stands between white space, after `tokenize` has put spaces around more. */
const spaced = (tokenize: (text: string) => string) => (text: string) => tokenize(text).split(/\s+/).filter(Boolean);

/** sacrebleu's tokenizers, of which the package has one. (13a without its entities and line breaks, which no case has.) */
const tokenizers: Readonly<Record<string, ((text: string) => string[]) | undefined>> = {
  none: undefined,
  char: spaced((text) => [...text].join(" ")),
  "13a": spaced((text) =>
    ` ${text} `
      .replace(/[{-~[-` -&(-+:-@/]/g, " $& ")
      .replace(/([^0-9])([.,])/gu, "$1 $2 ")
      .replace(/([.,])([^0-9])/gu, " $1 $2")
      .replace(/([0-9])(-)/g, "$1 $2 "),
  ),
};

/** A metric's number for a case, all at once. */
function scoreOf(metric: Metric, record: CaseRecord): number {
  metric.update(requiredInput(record, "outputs"), requiredInput(record, "targets"), record.input("mask"));
  return metric.compute();
}

/** The package's call for every operator of the records. */
const calls: Readonly<Record<string, (record: CaseRecord, attributes: MetricAttributes) => number>> = {
  accuracy_score: (record, { ignore_index: ignoreIndex }) => scoreOf(accuracy({ ignoreIndex }), record),
  f1_score: (record, { ignore_index: ignoreIndex, average }) => scoreOf(f1({ ignoreIndex, average }), record),
  log_loss: (record, { ignore_index: ignoreIndex }) => scoreOf(perplexity({ ignoreIndex }), record),
  corpus_bleu: (_, { hypotheses, references, tokenize }) =>
    bleu(hypotheses, references, { tokenize: tokenizers[tokenize] }),
  wer: (_, { hypotheses, references }) => wordErrorRate(hypotheses, references),
  cer: (_, { hypotheses, references }) => wordErrorRate(hypotheses, references, { tokenize: (text) => [...text] }),
};

forEachArithmetic(() => {
  for (const metric of loadCases("metrics/metrics")) {
    it(`metrics: ${metric.name}`, () => {
      withoutLeak(() => {
        const { operator, attributes, rtol, atol } = metric.record;
        const { score } = metric.record as typeof metric.record & { readonly score: number };
        const own = calls[operator](metric, attributes as unknown as MetricAttributes);
        expect(Math.abs(own - score), `${own} for ${score}`).toBeLessThanOrEqual(atol + rtol * score);
      });
    });
  }
});
