/** Losses: worked examples, rules for what is ignored, infinite or empty, and what is refused. */
import { describe, expect, it } from "vitest";
import { init, scope, Tensor } from "../../ts/entry/default.js";
import {
  binaryCrossEntropyWithLogits,
  crossEntropy,
  ctcLoss,
  distillationLoss,
  mseLoss,
} from "../../ts/entry/train.js";
import { forEachArithmetic } from "../support/arithmetics.js";
import { expectThrowsWithoutLeak, withoutLeak } from "../support/without-leak.js";

function leaf(data: readonly number[], ...shape: number[]): Tensor<"float32"> {
  const tensor = Tensor.from(Float32Array.from(data), shape);
  tensor.requiresGrad = true;
  return tensor;
}

const gradientOf = (tensor: Tensor): number[] => Array.from<number>(tensor.grad?.toArray() ?? []);

function expectClose(actual: Iterable<number>, expected: readonly number[]): void {
  const values = Array.from(actual);
  expect(values.length).toBe(expected.length);
  values.forEach((value, index) => expect(value).toBeCloseTo(expected[index], 6));
}

/** ln softmax of rows, in float64. */
const logSoftmax = (rows: readonly (readonly number[])[]): number[] =>
  rows.flatMap((row) => {
    const sum = row.reduce((total, x) => total + Math.exp(x), 0);
    return row.map((x) => x - Math.log(sum));
  });

forEachArithmetic(() => {
  describe("crossEntropy", () => {
    const logits = [1, 2, 3, 1, 0, 0, 0, 0, 5];

    it("is as worked out by hand", () => {
      withoutLeak(() => {
        const x = leaf(logits, 3, 3);
        const loss = crossEntropy(x, [2, 0, -100], { labelSmoothing: 0.1 });
        expect(loss.shape).toEqual([]);
        expectClose([loss.item()], [0.5628587]);
        loss.backward();
        expectClose(gradientOf(x), [0.0283486, 0.1056976, -0.1340462, -0.1786082, 0.0893041, 0.0893041, 0, 0, 0]);
        const weighted = crossEntropy(x, [2, 0, -100], { labelSmoothing: 0.1, weight: [1, 2, 0.5] });
        expectClose([weighted.item()], [0.6721859]);
      });
    });

    it("gives every row its loss, and 0 to one that is ignored", () => {
      withoutLeak(() => {
        const x = leaf(logits, 3, 3);
        const losses = crossEntropy(x, Int32Array.of(2, 7, 0), { ignoreIndex: 7, reduction: "none" });
        const logs = logSoftmax([
          [1, 2, 3],
          [0, 0, 5],
        ]);
        expectClose(losses.toArray(), [-logs[2], 0, -logs[3]]);
        losses.backward(Tensor.from([1, 1, -2]));
        const p = logs.map(Math.exp);
        expectClose(gradientOf(x), [p[0], p[1], p[2] - 1, 0, 0, 0, -2 * (p[3] - 1), -2 * p[4], -2 * p[5]]);
        expectClose([crossEntropy(x, [2, 7, 0], { ignoreIndex: 7, reduction: "sum" }).item()], [-logs[2] - logs[3]]);
      });
    });

    it("is 0 where nothing counts", () => {
      withoutLeak(() => {
        for (const options of [{ ignoreIndex: 1 }, { weight: [1, 0, 1] }]) {
          const x = leaf(logits, 3, 3);
          const loss = crossEntropy(x, [1, 1, 1], options);
          expect(loss.item()).toBe(0);
          loss.backward();
          expect(gradientOf(x).every((slope) => slope === 0)).toBe(true);
        }
        expect(crossEntropy(leaf([], 0, 3), new Int32Array(0)).item()).toBe(0);
      });
    });

    it("takes classes and probabilities in every form", () => {
      withoutLeak(() => {
        const x = leaf(logits, 1, 3, 3);
        const expected = crossEntropy(x, [[2, 0, 1]]).item();
        for (const targets of [
          Tensor.from([[2n, 0n, 1n]]),
          { data: [2, 0, 1], shape: [1, 3] },
          { data: BigInt64Array.of(2n, 0n, 1n), shape: [1, 3] },
          Tensor.from([
            [
              [0, 0, 1],
              [1, 0, 0],
              [0, 1, 0],
            ],
          ]),
          { data: Float32Array.of(0, 0, 1, 1, 0, 0, 0, 1, 0), shape: [1, 3, 3], dtype: "bfloat16" as const },
        ]) {
          expect(crossEntropy(x, targets).item()).toBeCloseTo(expected, 6);
        }
        // One row, one class.
        expectClose([crossEntropy(leaf([0, 0], 2), { data: [1], shape: [] }).item()], [Math.LN2]);
      });
    });

    it("leaves out what has no part in the target", () => {
      withoutLeak(() => {
        const x = leaf([0, -Infinity, 0], 1, 3);
        const loss = crossEntropy(x, [0]);
        expectClose([loss.item()], [Math.LN2]);
        loss.backward();
        expect(gradientOf(x)).toEqual([-0.5, 0, 0.5]);
        expect(crossEntropy(x, [1]).item()).toBe(Infinity);
        expect(crossEntropy(leaf([0, NaN], 1, 2), [0]).item()).toBe(NaN);
      });
    });

    it("needs memory for the gradient alone", () => {
      withoutLeak(() => {
        const x = leaf(new Array<number>(2 * 30_000).fill(0), 2, 30_000);
        const loss = crossEntropy(x, [5, 6]);
        expectClose([loss.item()], [Math.log(30_000)]);
        loss.backward();
        expect(gradientOf(x)[5]).toBeCloseTo(-0.5, 4);
      });
    });
  });

  describe("ctcLoss", () => {
    const logProbs = logSoftmax([
      [0, 1, 0.5],
      [1, 0, 0],
      [0, 2, 1],
    ]);
    const sum = { reduction: "sum" } as const;

    it("is as worked out by hand", () => {
      withoutLeak(() => {
        const x = leaf(logProbs, 3, 1, 3);
        const loss = ctcLoss(x, [1, 1], [3], [2], sum);
        expectClose([loss.item()], [1.6393203]);
        loss.backward();
        // At the log-probabilities −γ: behind a log-softmax, with Σ γ = 1, softmax − γ.
        const p = logProbs.slice(0, 3).map(Math.exp);
        expectClose(
          gradientOf(x)
            .slice(0, 3)
            .map((slope, c) => slope + p[c]),
          [0.1863237, -0.4935196, 0.3071959],
        );
        expectClose([ctcLoss(x, [[1, 2]], [3], [2], sum).item()], [1.9429636]);
        expect(ctcLoss(x, [1, 1], [2], [2], sum).item()).toBe(Infinity);
      });
    });

    it("follows its rules of infinity, padding and empty targets", () => {
      withoutLeak(() => {
        const x = leaf(
          [...logProbs, ...logProbs].sort((a, b) => a - b),
          3,
          2,
          3,
        );
        const losses = ctcLoss(
          x,
          [
            [1, 1, -5],
            [-9, -9, -9],
          ],
          [2, 3],
          [2, 0],
          { reduction: "none" },
        );
        expect(losses.shape).toEqual([2]);
        const values = x.toArray();
        expectClose([losses.toArray()[1]], [-(values[3] + values[9] + values[15])]);
        expect(losses.toArray()[0]).toBe(Infinity);
        losses.backward(Tensor.from([1, 1]));
        const slopes = gradientOf(x);
        expect(slopes.slice(0, 3)).toEqual([NaN, NaN, NaN]);
        expect(slopes.slice(12, 15)).toEqual([0, 0, 0]);
        expectClose(slopes.slice(3, 6), [-1, 0, 0]);
        x.zeroGrad();
        const mean = ctcLoss(x, [1, 1], [2, 3], [2, 0], { zeroInfinity: true });
        expectClose([mean.item()], [losses.toArray()[1] / 2]);
        mean.backward();
        expectClose(gradientOf(x).slice(0, 6), [0, 0, 0, -0.5, 0, 0]);
      });
    });
  });

  it("binaryCrossEntropyWithLogits broadcasts its weights", () => {
    withoutLeak(() => {
      const x = leaf([0, 1, -1, 2], 2, 2);
      const z = { data: [1, 0, 1, 1], shape: [2, 2] };
      const options = { weight: [[2], [3]], posWeight: [1, 5], reduction: "none" } as const;
      const softplus = (y: number): number => Math.log1p(Math.exp(y));
      const expected = [2 * softplus(0), 2 * softplus(1), 3 * softplus(1), 15 * softplus(-2)];
      expectClose(binaryCrossEntropyWithLogits(x, z, options).toArray(), expected);
      const loss = binaryCrossEntropyWithLogits(x, z, { weight: { data: [4], shape: [] } });
      loss.backward();
      const sigmoid = (y: number): number => 1 / (1 + Math.exp(-y));
      expectClose(gradientOf(x), [sigmoid(0) - 1, sigmoid(1), sigmoid(-1) - 1, sigmoid(2) - 1]);
    });
  });

  it("mseLoss differentiates both sides, distillationLoss the student", () => {
    withoutLeak(() => {
      const [a, b] = [leaf([1, 2], 2), leaf([3, 1], 2)];
      const loss = mseLoss(a, b);
      expect(loss.item()).toBe(2.5);
      loss.backward();
      expect([gradientOf(a), gradientOf(b)]).toEqual([
        [-2, 1],
        [2, -1],
      ]);
      const [student, teacher] = [leaf([1, 2, 3], 1, 3), leaf([1, 2, 3], 1, 3)];
      const same = distillationLoss(student, teacher, { temperature: 2 });
      expect(same.item()).toBe(0);
      same.backward();
      expect([gradientOf(student), teacher.grad]).toEqual([[0, 0, 0], null]);
    });
  });

  it("an empty mean is 0", () => {
    withoutLeak(() => {
      const empty = (): Tensor => leaf([], 0, 2);
      expect(mseLoss(empty(), empty()).item()).toBe(0);
      expect(binaryCrossEntropyWithLogits(empty(), empty()).item()).toBe(0);
      expect(distillationLoss(empty(), empty()).item()).toBe(0);
      expect(crossEntropy(empty(), []).item()).toBe(0);
      expect(ctcLoss(leaf([], 4, 0, 2), [], [], []).item()).toBe(0);
    });
  });

  it("refuse what doesn't fit", () => {
    const x = { data: new Float32Array(6), shape: [2, 3] };
    const frames = { data: new Float32Array(12), shape: [2, 2, 3] };
    const refusals: [() => unknown, typeof TypeError | typeof RangeError, string, RegExp][] = [
      [
        () => crossEntropy(x, [0, 3]),
        RangeError,
        "ERR_INVALID_VALUE",
        /targets, element 1: .*from 0 to 2, or -100, got 3/,
      ],
      [() => crossEntropy(x, [0, -1]), RangeError, "ERR_INVALID_VALUE", /targets, element 1/],
      [() => crossEntropy(x, [0.5, 1]), RangeError, "ERR_INVALID_VALUE", /targets, element 0/],
      [() => crossEntropy(x, [0, 1, 2]), RangeError, "ERR_SHAPE", /targets: .*\[2\]/],
      [() => crossEntropy(x, new Float32Array(2) as never), TypeError, "ERR_INVALID_TYPE", /targets/],
      [
        () => crossEntropy(x, { data: new Float32Array(2), shape: [2] }),
        TypeError,
        "ERR_INVALID_TYPE",
        /targets: .*int32/,
      ],
      [() => crossEntropy({ data: [1], shape: [] }, [0]), RangeError, "ERR_SHAPE", /logits/],
      [
        () => crossEntropy({ data: new Int32Array(1), shape: [1, 1] }, [0]),
        TypeError,
        "ERR_INVALID_TYPE",
        /logits: .*int32/,
      ],
      [() => crossEntropy(x, [0, 1], { weight: [1, 2] }), RangeError, "ERR_SHAPE", /weight: .*\[3\]/],
      [() => crossEntropy(x, [0, 1], { labelSmoothing: 1.5 }), RangeError, "ERR_INVALID_VALUE", /labelSmoothing/],
      [() => crossEntropy(x, [0, 1], { reduction: "avg" as never }), RangeError, "ERR_INVALID_VALUE", /reduction/],
      [
        () => crossEntropy(x, [0, 1], { ignore_index: 0 } as never),
        TypeError,
        "ERR_INVALID_TYPE",
        /did you mean ignoreIndex/,
      ],
      [() => mseLoss(x, { data: [1], shape: [1] }), RangeError, "ERR_SHAPE", /target: .*\[2, 3\]/],
      [
        () => binaryCrossEntropyWithLogits(x, x, { posWeight: [1, 2] }),
        RangeError,
        "ERR_SHAPE",
        /posWeight: .*broadcasts to \[2, 3\]/,
      ],
      [() => binaryCrossEntropyWithLogits(x, frames), RangeError, "ERR_SHAPE", /targets/],
      [() => distillationLoss(x, x, { temperature: 0 }), RangeError, "ERR_INVALID_VALUE", /temperature/],
      [() => distillationLoss(x, frames), RangeError, "ERR_SHAPE", /teacher/],
      [() => ctcLoss(x, [1], [1], [1]), RangeError, "ERR_SHAPE", /logProbs/],
      [
        () => ctcLoss(frames, [1, 1], [2, 3], [1, 1]),
        RangeError,
        "ERR_INVALID_VALUE",
        /inputLengths, element 1: .*0 to 2, got 3/,
      ],
      [() => ctcLoss(frames, [1, 1], [2], [1, 1]), RangeError, "ERR_SHAPE", /inputLengths: .*\[2\]/],
      [() => ctcLoss(frames, [1, 1], [2, 2], [1, -1]), RangeError, "ERR_INVALID_VALUE", /targetLengths, element 1/],
      [
        () => ctcLoss(frames, [1, 3], [2, 2], [1, 1]),
        RangeError,
        "ERR_INVALID_VALUE",
        /targets, element 1: .*0 to 2, got 3/,
      ],
      [() => ctcLoss(frames, [1], [2, 2], [1, 1]), RangeError, "ERR_SHAPE", /targets: .*\[2\]/],
      [() => ctcLoss(frames, [[1], [1]], [2, 2], [2, 1]), RangeError, "ERR_SHAPE", /targets: .*\[2, S\]/],
      [() => ctcLoss(frames, [1, 1], [2, 2], [1, 1], { blank: 3 }), RangeError, "ERR_INVALID_VALUE", /blank/],
    ];
    for (const [call, kind, code, message] of refusals) expectThrowsWithoutLeak(call, kind, code as never, message);
  });
});

it("takes integers and booleans as targets where it takes numbers", async () => {
  await init();
  scope(() => {
    const x = leaf([0.5, -1, 2, 0], 4);
    const floats = Tensor.from([1, 0, 1, 0]);
    for (const loss of [mseLoss, binaryCrossEntropyWithLogits]) {
      const expected = loss(x, floats).item();
      for (const data of [Int32Array.of(1, 0, 1, 0), Uint8Array.of(1, 0, 1, 0), [true, false, true, false]]) {
        const own = loss(x, { data, shape: [4] });
        expect(own.item()).toBe(expected);
        own.backward();
        expect(loss(x, Tensor.from(data)).item()).toBe(expected);
      }
    }
  });
});
