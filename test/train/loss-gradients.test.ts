/** Losses and their gradients against float64, over drawn calls. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Tensor } from "../../ts/entry/default.js";
import {
  binaryCrossEntropyWithLogits,
  crossEntropy,
  ctcLoss,
  distillationLoss,
  mseLoss,
  type Reduction,
} from "../../ts/entry/train.js";
import type { ByOperand, GradientTrial } from "../cases/gradient.js";
import { count, dataSeeds, floatTypes, given, type LayerOperand, randomOperand } from "../cases/layer-operands.js";
import * as oracle from "../oracle/losses.js";
import { softmax } from "../oracle/softmax.js";
import { forEachArithmetic } from "../support/arithmetics.js";
import { expectWithin } from "../support/expect-within.js";
import { type GradientTrials, testGradients } from "../support/gradient-trials.js";
import { withoutLeak } from "../support/without-leak.js";

const UNIT = 2 ** -24;

/** A drawn call of a loss: that of the gradient, and how far off each of its losses may be. */
interface LossTrial extends GradientTrial {
  readonly lossTolerances: readonly number[];
  /** What each of them is multiplied with in the result. */
  readonly shares: readonly number[] | undefined;
}

/** Losses of pieces of one operand, which is differentiated. */
interface Pieces {
  readonly name: string;
  readonly operand: LayerOperand;
  readonly run: (tensor: Tensor) => Tensor;
  /** Where the piece of each loss lies in the operand. */
  readonly places: readonly (readonly number[])[];
  readonly lossOf: (piece: Float64Array, index: number) => oracle.LossAndGradient;
  /** How far off the loss may be, and each element of its gradient. */
  readonly tolerances: (index: number) => { readonly loss: number; readonly gradient: (element: number) => number };
  /** What each loss is multiplied with; undefined for a result of all of them. */
  readonly shares: readonly number[] | undefined;
}

function trialOf({ name, operand, run, places, lossOf, tolerances, shares }: Pieces): LossTrial {
  const results = (values: Float64Array): oracle.LossAndGradient[] =>
    places.map((place, index) =>
      lossOf(
        Float64Array.from(place, (at) => values[at]),
        index,
      ),
    );
  const factors = (dy: Float64Array): number[] =>
    places.map((_, i) => (shares === undefined ? dy[i] : dy[0] * shares[i]));
  return {
    operands: { [name]: operand },
    run: (tensors: ByOperand<Tensor>) => run(tensors[name]),
    forward: (values) => {
      const losses = results(values[name]).map(({ loss }) => loss);
      if (shares === undefined) return Float64Array.from(losses);
      return Float64Array.of(losses.reduce((sum, loss, index) => sum + loss * shares[index], 0));
    },
    gradients: (dy) => {
      const gradient = new Float64Array(operand.values.length);
      const own = factors(dy);
      results(operand.values).forEach((result, index) =>
        places[index].forEach((at, element) => (gradient[at] += own[index] * result.gradient[element])),
      );
      return { [name]: gradient };
    },
    tolerance: (dy) => {
      const allowed = new Float64Array(operand.values.length);
      const own = factors(dy);
      places.forEach((place, index) => {
        const { gradient } = tolerances(index);
        // What is below 2^-99 of a factor may be 0.
        place.forEach((at, element) => (allowed[at] += Math.abs(own[index]) * (gradient(element) + 2 ** -99)));
      });
      return (_, index) => allowed[index];
    },
    lossTolerances: places.map((_, index) => tolerances(index).loss),
    shares,
  };
}

const reductions = fc.constantFrom<Reduction>("mean", "sum", "none");

const sharesOf = (reduction: Reduction, losses: number, divisor = losses): readonly number[] | undefined =>
  reduction === "none" ? undefined : new Array<number>(losses).fill(reduction === "sum" ? 1 : 1 / divisor);

const rowsOf = (rows: number, columns: number): number[][] =>
  Array.from({ length: rows }, (_, row) => Array.from({ length: columns }, (_, c) => row * columns + c));

const rangeOf = (values: Float64Array): number => Math.max(...values) - Math.min(...values);

const common = {
  dtype: floatTypes,
  leading: fc.array(fc.constantFrom(1, 2, 3), { maxLength: 2 }),
  columns: fc.constantFrom(1, 2, 3, 4, 5, 8, 9, 17, 63, 257, 300),
  amplitude: fc.constantFrom(0.1, 1, 8),
  reduction: reductions,
  dataSeed: dataSeeds,
};

const crossEntropyTrials = fc
  .record({
    ...common,
    hasWeight: fc.boolean(),
    smoothing: fc.constantFrom(0, 0, 0.1, 1),
    form: fc.constantFrom("classes", "probabilities"),
    ignored: fc.boolean(),
  })
  .map(({ dtype, leading, columns, amplitude, reduction, dataSeed, hasWeight, smoothing, form, ignored }) => {
    const rows = count(leading);
    const operand = randomOperand(dataSeed, dtype, [...leading, columns], amplitude);
    const weight = randomOperand(dataSeed + 1, "float32", [columns]).values.map((w) => Math.fround(Math.abs(w) + 0.25));
    const probabilities = randomOperand(dataSeed + 2, "bfloat16", operand.shape);
    const classes = Array.from({ length: rows }, (_, row) =>
      ignored && row % 2 === 1 ? -100 : (dataSeed + row * 7) % columns,
    );
    const q = classes.map((target, row) => {
      if (form === "classes" && target === -100) return new Float64Array(columns);
      const own =
        form === "classes"
          ? Float64Array.from({ length: columns }, (_, c) => Number(c === target))
          : probabilities.values.slice(row * columns, (row + 1) * columns);
      return oracle.smoothed(own, hasWeight ? weight : undefined, smoothing);
    });
    const counted = classes.filter((target) => target !== -100).map((target) => (hasWeight ? weight[target] : 1));
    const divisor = form === "classes" ? counted.reduce((sum, w) => sum + w, 0) : rows;
    const places = rowsOf(rows, columns);
    const sizes = q.map((row) => row.reduce((sum, value) => sum + Math.abs(value), 0));
    return trialOf({
      name: "logits",
      operand,
      run: (logits) =>
        crossEntropy(
          logits,
          form === "classes" ? { data: Int32Array.from(classes), shape: leading } : given(probabilities, false),
          {
            labelSmoothing: smoothing,
            reduction,
            ...(hasWeight && { weight: Float32Array.from(weight) }),
          },
        ),
      places,
      lossOf: (piece, row) => oracle.crossEntropy(piece, q[row]),
      tolerances: (row) => {
        const piece = Float64Array.from(places[row], (at) => operand.values[at]);
        const units = UNIT * (20 + 2 * rangeOf(piece) + columns / 16);
        const negative = oracle.crossEntropy(piece, q[row].map(Math.abs)).loss;
        const p = softmax(piece, 1, columns);
        return {
          loss: units * (sizes[row] + negative),
          gradient: (c) => units * (p[c] * sizes[row] + Math.abs(q[row][c])),
        };
      },
      shares: sharesOf(reduction, rows, divisor),
    });
  });

const binaryTrials = fc
  .record({ ...common, hasWeight: fc.boolean(), hasPosWeight: fc.boolean() })
  .map(({ dtype, leading, columns, amplitude, reduction, dataSeed, hasWeight, hasPosWeight }) => {
    const shape = [...leading, columns];
    const operand = randomOperand(dataSeed, dtype, shape, amplitude * 4);
    const uniform = (seed: number, sizes: readonly number[]): LayerOperand =>
      randomOperand(seed, "float32", sizes, 0.25);
    const targets = uniform(dataSeed + 1, shape);
    const z = Float32Array.from(targets.values, (value) => Math.min(1, Math.abs(value)));
    const weight = uniform(dataSeed + 2, [...leading.map(() => 1), columns]);
    const posWeight = uniform(dataSeed + 3, [columns]).values.map((value) => Math.fround(Math.abs(value) * 8));
    const of = (index: number): [number, number, number, number] => [
      operand.values[index],
      z[index],
      hasWeight ? weight.values[index % columns] : 1,
      hasPosWeight ? posWeight[index % columns] : 1,
    ];
    return trialOf({
      name: "logits",
      operand,
      run: (logits) =>
        binaryCrossEntropyWithLogits(
          logits,
          { data: z, shape },
          {
            reduction,
            ...(hasWeight && { weight: given(weight, false) }),
            ...(hasPosWeight && { posWeight: Float32Array.from(posWeight) }),
          },
        ),
      places: Array.from(operand.values, (_, index) => [index]),
      lossOf: ([x], index) => oracle.binaryCrossEntropy(x, ...(of(index).slice(1) as [number, number, number])),
      tolerances: (index) => {
        const [x, target, w, p] = of(index);
        const softplus = oracle.binaryCrossEntropy(x, 1, 1, 1).loss;
        return {
          loss: 16 * UNIT * Math.abs(w) * ((1 - target) * Math.abs(x) + (1 + (p - 1) * target) * softplus) + 2 ** -120,
          gradient: () => 16 * UNIT * Math.abs(w) * (1 - target + Math.max(p, 1)),
        };
      },
      shares: sharesOf(reduction, operand.values.length),
    });
  });

const distillationTrials = fc
  .record({ ...common, temperature: fc.constantFrom(0.5, 1, 3) })
  .map(({ dtype, leading, columns, amplitude, reduction, dataSeed, temperature }) => {
    const operand = randomOperand(dataSeed, dtype, [...leading, columns], amplitude);
    const teacher = randomOperand(dataSeed + 1, "float32", operand.shape, amplitude);
    const places = rowsOf(count(leading), columns);
    return trialOf({
      name: "student",
      operand,
      run: (student) => distillationLoss(student, given(teacher, false), { temperature, reduction }),
      places,
      lossOf: (piece, row) =>
        oracle.distillation(
          piece,
          Float64Array.from(places[row], (at) => teacher.values[at]),
          temperature,
        ),
      tolerances: (row) => {
        const [x, y] = [operand, teacher].map(({ values }) => Float64Array.from(places[row], (at) => values[at]));
        const range = Math.max(rangeOf(x), rangeOf(y)) / temperature;
        const units = UNIT * (24 + 3 * range + columns / 16);
        const share = (logits: Float64Array, c: number): number => {
          const most = Math.max(...logits);
          const sum = logits.reduce((total, value) => total + Math.exp((value - most) / temperature), 0);
          return Math.exp((logits[c] - most) / temperature) / sum;
        };
        return {
          loss:
            units * (2 * oracle.distillation(x, y, temperature).loss + temperature ** 2 * (1 + 2 * Math.log(columns))),
          gradient: (c) => units * temperature * (share(x, c) + share(y, c)),
        };
      },
      shares: sharesOf(reduction, places.length),
    });
  });

const ctcTrials = fc
  .record({
    dtype: floatTypes,
    frames: fc.integer({ min: 1, max: 30 }),
    batch: fc.integer({ min: 1, max: 3 }),
    classes: fc.integer({ min: 2, max: 9 }),
    isPadded: fc.boolean(),
    reduction: reductions,
    dataSeed: dataSeeds,
  })
  .map(({ dtype, frames, batch, classes, isPadded, reduction, dataSeed }) => {
    const operand = randomOperand(dataSeed, dtype, [frames, batch, classes], 1.5);
    const blank = dataSeed % classes;
    const inputLengths = Array.from({ length: batch }, (_, b) => frames - ((dataSeed + b) % Math.ceil(frames / 2)));
    const targets = inputLengths.map((length, b) =>
      // With a blank between any two they fit.
      Array.from(
        { length: (dataSeed + b) % (Math.floor(length / 2) + 1) },
        (_, n) => (blank + 1 + ((dataSeed + n * n) % (classes - 1))) % classes,
      ),
    );
    const width = Math.max(...targets.map(({ length }) => length)) + 1;
    const lengths = targets.map(({ length }) => length);
    const places = inputLengths.map((length, b) =>
      rowsOf(length, classes).flatMap((row, t) => row.map((_, c) => (t * batch + b) * classes + c)),
    );
    const rows = (piece: Float64Array): Float64Array[] =>
      Array.from({ length: piece.length / classes }, (_, t) => piece.subarray(t * classes, (t + 1) * classes));
    const lossOf = (piece: Float64Array, b: number): oracle.CtcResult =>
      oracle.ctc(rows(piece), targets[b], blank, classes);
    return trialOf({
      name: "logProbs",
      operand,
      run: (logProbs) =>
        ctcLoss(
          logProbs,
          isPadded
            ? targets.map((labels) => [...labels, ...new Array<number>(width - labels.length).fill(-1)])
            : targets.flat(),
          Int32Array.from(inputLengths),
          lengths,
          { blank, reduction },
        ),
      places,
      lossOf,
      tolerances: (b) => {
        const result = lossOf(
          Float64Array.from(places[b], (at) => operand.values[at]),
          b,
        );
        const units = UNIT * inputLengths[b] * (16 + 4 * result.depth);
        return {
          loss: units + UNIT * Math.abs(result.loss),
          gradient: (element) => 2 * units * Math.abs(result.gradient[element]),
        };
      },
      shares:
        reduction === "none"
          ? undefined
          : lengths.map((length) => (reduction === "sum" ? 1 : 1 / (Math.max(1, length) * batch))),
    });
  });

/** Both sides are differentiated. */
const squaredErrorTrials: fc.Arbitrary<LossTrial> = fc
  .record(common)
  .map(({ dtype, leading, columns, amplitude, reduction, dataSeed }) => {
    const shape = [...leading, columns];
    const input = randomOperand(dataSeed, dtype, shape, amplitude);
    const target = randomOperand(dataSeed + 1, "float16", shape, amplitude);
    const total = input.values.length;
    const shares = sharesOf(reduction, total);
    const difference = (index: number): number => input.values[index] - target.values[index];
    const slopes = (dy: Float64Array): Float64Array =>
      input.values.map(
        (_, index) => 2 * difference(index) * (shares === undefined ? dy[index] : dy[0] * shares[index]),
      );
    return {
      operands: { input, target },
      run: (tensors) => mseLoss(tensors.input, tensors.target, { reduction }),
      forward: (values) => {
        const losses = values.input.map((value, index) => (value - values.target[index]) ** 2);
        if (shares === undefined) return losses;
        return Float64Array.of(losses.reduce((sum, loss, index) => sum + loss * shares[index], 0));
      },
      gradients: (dy) => ({ input: slopes(dy), target: slopes(dy).map((slope) => -slope) }),
      tolerance: (dy) => {
        const truth = slopes(dy);
        return (_, index) => 4 * UNIT * Math.abs(truth[index]);
      },
      lossTolerances: Array.from(input.values, (_, index) => 4 * UNIT * difference(index) ** 2),
      shares,
    };
  });

const losses: readonly (GradientTrials & { readonly trials: fc.Arbitrary<LossTrial> })[] = [
  { name: "crossEntropy", trials: crossEntropyTrials, numRuns: 150 },
  { name: "binaryCrossEntropyWithLogits", trials: binaryTrials, numRuns: 60 },
  { name: "mseLoss", trials: squaredErrorTrials, numRuns: 40 },
  { name: "distillationLoss", trials: distillationTrials, numRuns: 60 },
  { name: "ctcLoss", trials: ctcTrials, numRuns: 100 },
];

testGradients(losses);

forEachArithmetic(() => {
  describe("losses are within their stated error", () => {
    it.each(losses)("$name", ({ trials, numRuns }) => {
      fc.assert(
        fc.property(trials, (trial) => {
          withoutLeak(() => {
            const values = Object.fromEntries(
              Object.entries(trial.operands).map(([name, { values }]) => [name, values]),
            );
            const tensors = Object.fromEntries(
              Object.entries(trial.operands).map(([name, operand]) => [name, given(operand, true) as Tensor]),
            );
            const loss = trial.run(tensors);
            const expected = trial.forward(values);
            const { shares, lossTolerances } = trial;
            const ofAll = shares?.reduce((sum, share, index) => sum + Math.abs(share) * lossTolerances[index], 0) ?? 0;
            // A sum in float64 of losses that have been rounded, rounded once.
            const allowed = (index: number): number =>
              shares === undefined ? lossTolerances[index] : ofAll + 2 * UNIT * Math.abs(expected[index]);
            expectWithin(loss, "float32", loss.shape, expected, allowed);
            expect(count(loss.shape)).toBe(expected.length);
          });
        }),
        { numRuns },
      );
    });
  });
});
