/** Metrics: worked examples, batches, what counts for nothing, and what is refused. */
import { describe, expect, it } from "vitest";
import { memoryUsage, scope, Tensor } from "../../ts/entry/default.js";
import {
  accuracy,
  bleu,
  f1,
  type ClassMetric,
  perplexity,
  type TextMetric,
  wordErrorRate,
} from "../../ts/entry/train.js";
import { forEachArithmetic } from "../support/arithmetics.js";
import { expectThrows } from "../support/expect-error.js";
import { expectThrowsWithoutLeak, withoutLeak } from "../support/without-leak.js";

/** ln softmax of a row, in float64. */
const logSoftmax = (row: readonly number[]): number[] => {
  const sum = row.reduce((total, x) => total + Math.exp(x), 0);
  return row.map((x) => x - Math.log(sum));
};

const logits = [
  [2, 1, 0],
  [0, 1, 3],
  [1, 1, 0],
  [0, 0.5, 1],
  [-1, 2, 0],
];
const targets = [0, 1, 1, 2, 1];
// Classes 0, 2, 0, 2, 1 are predicted: the first of equal logits.
const expected = { accuracy: 3 / 5, f1: (2 / 3 + 2 / 4 + 2 / 3) / 3 };
const losses = logits.map((row, index) => -logSoftmax(row)[targets[index]]);

const make = { accuracy, f1, perplexity };
const names = ["accuracy", "f1", "perplexity"] as const;

/** What a metric gives for one batch. */
function scoreOf(metric: ClassMetric, ...batch: Parameters<ClassMetric["update"]>): number {
  metric.update(...batch);
  return metric.compute();
}

forEachArithmetic(() => {
  describe("of classes", () => {
    it("are as worked out by hand", () => {
      withoutLeak(() => {
        const x = Tensor.from(logits);
        expect(scoreOf(accuracy(), x, targets)).toBe(expected.accuracy);
        expect(scoreOf(f1(), x, targets)).toBeCloseTo(expected.f1, 14);
        expect(scoreOf(f1({ average: "macro" }), x, targets)).toBeCloseTo(expected.f1, 14);
        expect(scoreOf(f1({ average: "weighted" }), x, targets)).toBeCloseTo((2 / 3 + (3 * 2) / 4 + 2 / 3) / 5, 14);
        const mean = losses.reduce((sum, loss) => sum + loss, 0) / 5;
        expect(scoreOf(perplexity(), x, targets)).toBeCloseTo(Math.exp(mean), 5);
        // Of equally likely classes there are as many as there are.
        expect(scoreOf(perplexity(), Tensor.from([[1, 1, 1, 1]]), [2])).toBeCloseTo(4, 5);
      });
    });

    it("leave out what is ignored and what the mask hides, whatever stands there", () => {
      withoutLeak(() => {
        const rows = [...logits, [NaN, Infinity, 0]];
        const batch = Tensor.from([rows.slice(0, 3), rows.slice(3)]);
        for (const name of names) {
          const without = scoreOf(make[name](), Tensor.from([logits[0], logits[2], logits[3]]), [0, 1, 2]);
          const hidden = [
            [0, -100, 1],
            [2, -100, -100],
          ];
          expect(scoreOf(make[name](), batch, hidden), name).toBe(without);
          const whole = [
            [0, 1, 1],
            [2, 1, 1],
          ];
          const mask = Tensor.from([
            [true, false, true],
            [true, false, false],
          ]);
          expect(scoreOf(make[name](), batch, Tensor.from(whole).to("int32"), mask), name).toBe(without);
          const both = [
            [0, 1, 1],
            [2, 7, -100],
          ];
          const flags = [
            [1, 0, 1],
            [1, 1, 1],
          ];
          expect(
            scoreOf(
              make[name]({ ignoreIndex: 7 }),
              batch,
              both.map((row) => row.map((x) => (x < 0 ? 7 : x))),
              flags,
            ),
          ).toBe(without);
        }
      });
    });

    it("take a mask of another length than the targets for the inputs' alone", () => {
      withoutLeak(() => {
        const mask = Tensor.from(logits.map((_, row) => [true, row > 2, false]));
        for (const name of names) {
          const own = scoreOf(make[name](), Tensor.from(logits), targets);
          expect(scoreOf(make[name](), Tensor.from(logits), targets, mask), name).toBe(own);
        }
      });
    });

    it("give the same bits however the samples are put into batches", () => {
      withoutLeak(() => {
        for (const name of names) {
          const [whole, parts] = [make[name](), make[name]()];
          whole.update(Tensor.from(logits), targets);
          for (const [start, end] of [
            [0, 2],
            [2, 2],
            [2, 5],
          ]) {
            parts.update(
              { data: Float32Array.from(logits.slice(start, end).flat()), shape: [end - start, 3] },
              Int32Array.from(targets.slice(start, end)),
            );
          }
          expect(parts.compute(), name).toBe(whole.compute());
          expect(parts.compute(), `${name}, again`).toBe(whole.compute());
        }
      });
    });

    it("are numbers where nothing counts", () => {
      withoutLeak(() => {
        for (const [name, nothing] of [
          ["accuracy", 0],
          ["f1", 0],
          ["perplexity", 1],
        ] as const) {
          expect(make[name]().compute(), name).toBe(nothing);
          expect(scoreOf(make[name](), Tensor.from(logits), new Int32Array(5).fill(-100)), name).toBe(nothing);
          expect(scoreOf(make[name](), { data: new Float32Array(0), shape: [0, 3] }, new Int32Array(0)), name).toBe(
            nothing,
          );
        }
      });
    });

    it("go on from a state that JSON has held, and refuse another", () => {
      withoutLeak(() => {
        for (const name of names) {
          const [whole, first, second] = [make[name](), make[name](), make[name]()];
          const [rows, rest] = [Tensor.from(logits), Tensor.from([[-Infinity, 0, 0]])];
          for (const metric of [whole, first]) metric.update(rows, targets);
          second.update(rest, [1]);
          second.state = JSON.parse(JSON.stringify(first.state));
          expect(second.compute(), name).toBe(first.compute());
          // −ln p of it is infinite.
          for (const metric of [whole, second]) metric.update(rest, [0]);
          expect(second.compute(), name).toBe(whole.compute());
          first.state = JSON.parse(JSON.stringify(second.state));
          expect(first.compute(), name).toBe(whole.compute());
          for (const state of [undefined, null, 5, ["x", "1"], [1, 2], ["1", ""], { right: 1 }]) {
            const set = (): void => {
              second.state = state;
            };
            expectThrows(set, TypeError, "ERR_INVALID_TYPE", new RegExp(`^${name}: state: `));
          }
          expect(second.compute(), name).toBe(whole.compute());
        }
        expectThrows(() => (accuracy().state = ["1"]), TypeError, "ERR_INVALID_TYPE", /accuracy: state/);
      });
    });

    it("have the same bits on every host", () => {
      withoutLeak(() => {
        expect(scoreOf(perplexity(), Tensor.from(logits), targets)).toBe(2.3582327872581836);
      });
    });

    it("start anew with each call", () => {
      withoutLeak(() => {
        for (const name of names) {
          make[name]().update(Tensor.from(logits), targets);
          expect(make[name]().compute()).toBe(name === "perplexity" ? 1 : 0);
        }
      });
    });

    it("give the same bits of F1 in whatever order classes come", () => {
      withoutLeak(() => {
        // Of class c there are c + 3 targets, and every third of all is taken for the next class.
        const expectedClasses = [0, 1, 2, 3, 4, 5, 6].flatMap((label) => new Array<number>(label + 3).fill(label));
        const predicted = expectedClasses.map((label, index) => (index % 3 === 0 ? (label + 1) % 7 : label));
        const rows = predicted.map((label) => [0, 1, 2, 3, 4, 5, 6].map((other) => Number(other === label)));
        for (const average of ["macro", "weighted"] as const) {
          const scores = expectedClasses.map((_, start) => {
            const turned = <T>(values: readonly T[]): T[] => [...values.slice(start), ...values.slice(0, start)];
            return scoreOf(f1({ average }), Tensor.from(turned(rows)), turned(expectedClasses));
          });
          expect(new Set(scores).size, average).toBe(1);
        }
      });
    });

    it("keep no memory", () => {
      scope(() => {
        const x = Tensor.from(logits);
        x.requiresGrad = true;
        const metrics = names.map((name) => make[name]());
        const before = memoryUsage().bytesInUse;
        for (let batch = 0; batch < 20; batch++) {
          for (const metric of metrics) metric.update(x, targets);
          expect(memoryUsage().bytesInUse).toBe(before);
        }
      });
    });

    it("are infinite or NaN where the loss is", () => {
      withoutLeak(() => {
        expect(scoreOf(perplexity(), Tensor.from([[0, -Infinity]]), [1])).toBe(Infinity);
        expect(scoreOf(perplexity(), Tensor.from([[1000, 0]]), [1])).toBe(Infinity);
        expect(scoreOf(perplexity(), Tensor.from([[0, NaN]]), [1])).toBe(NaN);
        expect(scoreOf(accuracy(), Tensor.from([[0, NaN]]), [1])).toBe(1);
      });
    });

    it("refuse what doesn't fit, and have then counted nothing", () => {
      const x = { data: new Float32Array(6), shape: [2, 3] };
      for (const name of names) {
        const metric = make[name]();
        const refused = (
          kind: typeof TypeError | typeof RangeError,
          code: "ERR_SHAPE" | "ERR_INVALID_TYPE" | "ERR_INVALID_VALUE",
          text: string,
          ...batch: unknown[]
        ): void => {
          const call = (): void => metric.update(...(batch as Parameters<ClassMetric["update"]>));
          expectThrowsWithoutLeak(call, kind, code, new RegExp(`^${name}: ${text}`));
        };
        refused(TypeError, "ERR_INVALID_TYPE", "outputs", "a text", [0, 1]);
        refused(TypeError, "ERR_INVALID_TYPE", "outputs", { data: Int32Array.of(1, 2), shape: [1, 2] }, [0]);
        refused(RangeError, "ERR_SHAPE", "outputs: .*at least", { data: [1], shape: [] }, 0);
        refused(RangeError, "ERR_SHAPE", "outputs: .*at least", { data: [], shape: [2, 0] }, [0, 0]);
        refused(RangeError, "ERR_SHAPE", "targets: .*\\[2\\], one class", x, [0, 1, 1]);
        refused(RangeError, "ERR_INVALID_VALUE", "targets, element 1: .*0 to 2, or -100", x, [0, 3]);
        refused(RangeError, "ERR_INVALID_VALUE", "targets, element 0", x, [0.5, 1]);
        refused(TypeError, "ERR_INVALID_TYPE", "targets", x, Float32Array.of(0, 1));
        refused(TypeError, "ERR_INVALID_TYPE", "targets", x, ["0", "1"]);
        refused(RangeError, "ERR_SHAPE", "mask: .*\\[2, …\\]", x, [0, 1], [true, true, true]);
        refused(TypeError, "ERR_INVALID_TYPE", "mask: .*bool", x, [0, 1], { data: [0.5, 1], shape: [2] });
        refused(TypeError, "ERR_INVALID_TYPE", "mask", x, [0, 1], "all");
        expect(metric.compute()).toBe(name === "perplexity" ? 1 : 0);
      }
      for (const name of names) {
        expectThrows(
          () => make[name]({ ignoreIndex: 0.5 }),
          RangeError,
          "ERR_INVALID_VALUE",
          new RegExp(`${name}: ignoreIndex`),
        );
        expectThrows(
          () => make[name]({ ignore_index: 1 } as never),
          TypeError,
          "ERR_INVALID_TYPE",
          /did you mean ignoreIndex/,
        );
      }
      expectThrows(
        () => f1({ average: "micro" as never }),
        RangeError,
        "ERR_INVALID_VALUE",
        /f1: average: .*"weighted"/,
      );
    });
  });

  describe("of texts", () => {
    const hypothesis = "the cat sat on the mat";
    const reference = "the cat is on the mat";

    it("are as worked out by hand", () => {
      withoutLeak(() => {
        expect(bleu([hypothesis], [reference]).toFixed(7)).toBe("37.9917843");
        expect(bleu([hypothesis], [[reference, hypothesis]])).toBe(100);
        expect(wordErrorRate([hypothesis], [reference])).toBe(1 / 6);
        expect(wordErrorRate([hypothesis, "a b"], [reference, "b"])).toBe(2 / 7);
        // 3 of 5 characters at the place of 4.
        expect(wordErrorRate(["sitting"], ["kitten"], { tokenize: (text) => [...text] })).toBe(3 / 6);
        // Half of the words, for two thirds of them.
        expect(bleu(["a b c d"], ["a b c d e f"])).toBeCloseTo(100 * Math.exp(-0.5), 12);
      });
    });

    it("add up over batches, as over the whole", () => {
      const pairs: [string, string][] = [
        [hypothesis, reference],
        ["", "something was said"],
        ["a dog in the house of a cat", "the dog is in the house of the cat"],
        [reference, reference],
      ];
      const [hypotheses, references] = [pairs.map(([text]) => text), pairs.map(([, text]) => text)];
      for (const score of [bleu, wordErrorRate]) {
        const metric: TextMetric = score();
        for (const [text, expectedText] of pairs) metric.update([text], [expectedText]);
        metric.update([], []);
        expect(metric.compute()).toBe(score(hypotheses, references));
        expect(metric.compute()).toBeGreaterThan(0);
      }
    });

    it("go on from a state that JSON has held, and refuse another", () => {
      const [one, other] = [[hypothesis], [reference]];
      for (const [name, score] of [
        ["bleu", bleu],
        ["wordErrorRate", wordErrorRate],
      ] as const) {
        const [whole, first, second] = [score(), score(), score()] as TextMetric[];
        for (const metric of [whole, first]) metric.update(one, other);
        second.update(one, one);
        second.state = JSON.parse(JSON.stringify(first.state));
        expect(second.compute(), name).toBe(first.compute());
        for (const metric of [whole, second]) metric.update(["a dog here and there"], ["a dog here"]);
        expect(second.compute(), name).toBe(whole.compute());
        const set = (): void => {
          second.state = ["1"];
        };
        expectThrows(set, TypeError, "ERR_INVALID_TYPE", new RegExp(`^${name}: state: `));
      }
    });

    it("have the same bits on every host", () => {
      expect(bleu([hypothesis], [reference])).toBe(37.99178428257963);
      expect(bleu(["a b c d"], ["a b c d e f"])).toBe(60.653065971263345);
    });

    it("are numbers where nothing counts", () => {
      expect([bleu().compute(), bleu([], []), bleu([""], [""]), bleu(["a"], ["b"])]).toEqual([0, 0, 0, 0]);
      expect([wordErrorRate().compute(), wordErrorRate([], []), wordErrorRate([""], [""])]).toEqual([0, 0, 0]);
      expect(wordErrorRate(["two words"], [""])).toBe(2);
    });

    it("take words for what their option says, and keep them apart", () => {
      const tokenize = (text: string): string[] => text.split("|");
      expect(wordErrorRate(["a b|c"], ["a b|d"], { tokenize })).toBe(1 / 2);
      // Neither of the pairs of words is the other's, though they read alike when joined.
      const words: Record<string, string[]> = { x: ['a","b', "c", "d", "e"], y: ["a", 'b","c', "d", "e"] };
      const score = bleu(["x"], ["y"], { tokenize: (text) => words[text] });
      // Of 4 words 2 are right, of 3 pairs 1, of 2 triples and the one quadruple none.
      expect(score).toBeCloseTo(100 * Math.pow((2 / 4) * (1 / 3) * (1 / 2 / 2) * (1 / 4 / 1), 1 / 4), 12);
    });

    it("refuse what doesn't fit, and have then counted nothing", () => {
      for (const [name, score] of [
        ["bleu", bleu],
        ["wordErrorRate", wordErrorRate],
      ] as const) {
        const refused = (
          kind: typeof TypeError | typeof RangeError,
          code: "ERR_INVALID_TYPE" | "ERR_INVALID_VALUE",
          text: string,
          ...batch: unknown[]
        ): void => {
          const call = (): unknown => (score as (...given: unknown[]) => unknown)(...batch);
          expectThrows(call, kind, code, new RegExp(`^${name}: ${text}`));
        };
        refused(TypeError, "ERR_INVALID_TYPE", "hypotheses: .*array", "a text", ["a text"]);
        refused(TypeError, "ERR_INVALID_TYPE", "references: .*array", ["a text"]);
        refused(TypeError, "ERR_INVALID_TYPE", "references: .*array", ["a text"], "a text");
        refused(TypeError, "ERR_INVALID_TYPE", "hypotheses, element 1: .*string", ["a", 1], ["a", "b"]);
        refused(TypeError, "ERR_INVALID_TYPE", "references, element 0: .*string", ["a"], [undefined]);
        refused(RangeError, "ERR_INVALID_VALUE", "references: .*2, one for each", ["a", "b"], ["a"]);
        refused(TypeError, "ERR_INVALID_TYPE", "tokenize: .*function", { tokenize: "13a" });
        refused(TypeError, "ERR_INVALID_TYPE", "tokenize: .*array of strings", ["a"], ["b"], { tokenize: () => "b" });
        refused(TypeError, "ERR_INVALID_TYPE", "options: unknown option", { tokenise: String });
        const metric: TextMetric = score();
        expectThrows(() => metric.update(["a", "b"], ["b", 1 as never]), TypeError, "ERR_INVALID_TYPE", /element 1/);
        expectThrows(
          () => metric.update(Tensor.from([1]) as never, ["b"]),
          TypeError,
          "ERR_INVALID_TYPE",
          /hypotheses/,
        );
        expect(metric.compute()).toBe(0);
      }
      expectThrows(
        () => bleu(["a"], [[]]),
        RangeError,
        "ERR_INVALID_VALUE",
        /bleu: references, element 0: .*at least one/,
      );
      expectThrows(
        () => bleu(["a"], [["a", 2 as never]]),
        TypeError,
        "ERR_INVALID_TYPE",
        /bleu: references, element 0/,
      );
    });
  });
});
