/** layerNorm, rmsNorm and normalize. */
import fc from "fast-check";
import { layerNorm, normalize, randn, rmsNorm } from "../../../ts/entry/default.js";
import * as oracle from "../../oracle/normalization.js";
import { type ErrorBound, evaluate } from "../error-bound.js";
import type { GradientTrial } from "../gradient.js";
import {
  count,
  dataSeeds,
  floatTypes,
  given,
  type LayerOperand,
  layerSizes,
  leadingAxes,
  operandOf,
  randomOperand,
} from "../layer-operands.js";
import { alongRows } from "./softmax.js";
import { floats, type OperationRecord, type Trial, wrongDTypes } from "../operation.js";

const layerNormBound: ErrorBound = [
  ["2^-24", "((8 + n/16) · (|z| + c) · |weight| + |result|)"],
  ["2^-149", "(1 + |weight| + |weight| / s)"],
];

const rmsNormBound: ErrorBound = [
  ["2^-24", "(9 + n/16) · |result|"],
  ["2^-149", "(1 + |weight|)"],
];

export interface NormProblem {
  readonly shape: readonly number[];
  readonly normalizedShape: readonly number[];
  readonly rows: number;
  readonly columns: number;
  readonly input: LayerOperand;
  readonly weight: LayerOperand | undefined;
  readonly bias: LayerOperand | undefined;
  /** The kernels get it as a float32. */
  readonly epsilon: number;
  readonly isTensor: boolean;
}

const problems: fc.Arbitrary<NormProblem> = fc
  .record({
    dtypes: fc.tuple(floatTypes, floatTypes, floatTypes),
    leading: leadingAxes,
    normalizedShape: fc.oneof(
      layerSizes.map((size) => [size]),
      fc.constantFrom([5, 7], [2, 3, 4], [1, 9]),
    ),
    hasWeight: fc.boolean(),
    hasBias: fc.boolean(),
    // Beyond the range of a dtype are infinities; below 1e-38 everything is subnormal.
    amplitude: fc.oneof(fc.constantFrom(1e-3, 1, 100), fc.constantFrom(1e-43, 1e-38, 1e-25, 1e-12, 1e10, 1e25, 9e37)),
    // In units of the amplitude, which is one deviation: 16 is where the kernel turns to float64.
    offset: fc.constantFrom(0, 0, 1, 15, 17, 100, 1e5),
    epsilon: fc.constantFrom(1e-5, 1e-6, 0.5, 0, 1e-40, 1e30),
    isTensor: fc.boolean(),
    dataSeed: dataSeeds,
  })
  .map(({ dtypes, leading, normalizedShape, hasWeight, hasBias, amplitude, offset, epsilon, isTensor, dataSeed }) => {
    const shape = [...leading, ...normalizedShape];
    const numbers = randomOperand(dataSeed, "float32", shape, amplitude).values.map((x) => x + offset * amplitude);
    const parameter = (index: 1 | 2): LayerOperand => randomOperand(dataSeed + index, dtypes[index], normalizedShape);
    return {
      shape,
      normalizedShape,
      rows: count(leading),
      columns: count(normalizedShape),
      input: operandOf(dtypes[0], shape, numbers),
      weight: hasWeight ? parameter(1) : undefined,
      bias: hasBias ? parameter(2) : undefined,
      epsilon,
      isTensor,
    };
  });

/** The error of layerNorm that its documentation states, as a function of the element. */
function layerNormError(problem: NormProblem, epsilon: number): (index: number) => number {
  const { rows, columns, input, weight, bias } = problem;
  const normal = oracle.layerNorm(input.values, undefined, undefined, rows, columns, epsilon);
  const rowErrors = Array.from({ length: rows }, (_, r) => {
    const row = input.values.subarray(r * columns, (r + 1) * columns);
    const mean = row.reduce((sum, x) => sum + x, 0) / columns;
    const s = Math.sqrt(row.reduce((sum, x) => sum + (x - mean) ** 2 / columns, 0) + epsilon);
    const magnitude = row.reduce((sum, x) => sum + Math.abs(x) / columns, 0);
    return { s, c: Math.min(magnitude / s, 17) };
  });
  return (index) => {
    const { s, c } = rowErrors[Math.floor(index / columns)];
    const z = normal[index];
    const w = weight?.values[index % columns] ?? 1;
    const result = z * w + (bias?.values[index % columns] ?? 0);
    const scale = Math.abs(w);
    return evaluate(layerNormBound, {
      "((8 + n/16) · (|z| + c) · |weight| + |result|)":
        (8 + columns / 16) * (Math.abs(z) + c) * scale + Math.abs(result),
      "(1 + |weight| + |weight| / s)": 1 + scale + scale / s,
    });
  };
}

export function layerNormTrial(problem: NormProblem): Trial {
  const { shape, normalizedShape, rows, columns, input, weight, bias, epsilon, isTensor } = problem;
  const rounded = Math.fround(epsilon);
  return {
    run: () =>
      layerNorm(
        given(input, isTensor),
        normalizedShape,
        weight && given(weight, isTensor),
        bias && given(bias, isTensor),
        epsilon,
      ),
    dtype: input.dtype,
    shape,
    expected: oracle.layerNorm(input.values, weight?.values, bias?.values, rows, columns, rounded),
    tolerance: layerNormError(problem, rounded),
  };
}

export function rmsNormTrial(problem: NormProblem): Trial {
  const { shape, normalizedShape, rows, columns, input, weight, epsilon, isTensor } = problem;
  const expected = oracle.rmsNorm(input.values, weight?.values, rows, columns, Math.fround(epsilon));
  return {
    run: () => rmsNorm(given(input, isTensor), normalizedShape, weight && given(weight, isTensor), epsilon),
    dtype: input.dtype,
    shape,
    expected,
    tolerance: (index) =>
      evaluate(rmsNormBound, {
        "(9 + n/16) · |result|": (9 + columns / 16) * Math.abs(expected[index]),
        "(1 + |weight|)": 1 + Math.abs(weight?.values[index % columns] ?? 1),
      }),
  };
}

/** Of magnitudes for which differences are worth something; operands of any dtype, each of which requires gradients. */
const gradientProblems = problems.filter(
  ({ input, epsilon, columns }) =>
    columns > 0 && epsilon >= 1e-6 && epsilon < 1 && input.values.every((x) => Math.abs(x) < 200),
);

const meanOf = (numbers: readonly number[]): number => numbers.reduce((sum, x) => sum + x, 0) / numbers.length;

/** The rows' means (0 for RMS norm) and deviations. */
const statisticsOf = (
  { rows, columns, input, epsilon }: NormProblem,
  isCentered: boolean,
): readonly { x: number[]; center: number; s: number }[] =>
  Array.from({ length: rows }, (_, row) => {
    const x = Array.from(input.values.subarray(row * columns, (row + 1) * columns));
    const center = isCentered ? meanOf(x) : 0;
    return { x, center, s: Math.sqrt(meanOf(x.map((value) => (value - center) ** 2)) + Math.fround(epsilon)) };
  });

/** The stated errors of a norm's gradients. */
function normGradientErrors(
  dy: Float64Array,
  problem: NormProblem,
  isCentered: boolean,
): Readonly<Record<string, Float64Array>> {
  const { rows, columns, weight } = problem;
  const [dx, dw, db] = [rows * columns, columns, columns].map((length) => new Float64Array(length));
  statisticsOf(problem, isCentered).forEach(({ x, center, s }, row) => {
    const c = isCentered ? Math.min(meanOf(x.map(Math.abs)) / s, 17) : 0;
    const z = x.map((value) => Math.abs(value - center) / s + c);
    const gradient = x.map((_, column) => Math.abs(dy[row * columns + column]));
    const g = gradient.map((value, column) => value * Math.abs(weight?.values[column] ?? 1));
    const [size, product] = [meanOf(g), meanOf(g.map((value, column) => value * z[column]))];
    for (let column = 0; column < columns; column++) {
      const quantity = g[column] + size + 3 * z[column] * product;
      dx[row * columns + column] = (2 ** -24 * (12 + columns / 16) * quantity) / s + 2 ** -130;
      dw[column] += 2 ** -24 * (10 + columns / 16 + rows) * gradient[column] * z[column] + 2 ** -140;
      db[column] += 2 ** -24 * rows * gradient[column];
    }
  });
  return { input: dx, weight: dw, bias: db };
}

const normGradientTrial =
  (isCentered: boolean) =>
  (problem: NormProblem): GradientTrial => {
    const { normalizedShape, rows, columns, input, weight, epsilon } = problem;
    const bias = isCentered ? problem.bias : undefined;
    const operands = { input, ...(weight && { weight }), ...(bias && { bias }) };
    const rounded = Math.fround(epsilon);
    const pick = <T>(all: Readonly<Record<string, T>>): Readonly<Record<string, T>> =>
      Object.fromEntries(Object.keys(operands).map((name) => [name, all[name]]));
    return {
      operands,
      run: (tensors) =>
        isCentered
          ? layerNorm(tensors.input, normalizedShape, tensors.weight, tensors.bias, epsilon)
          : rmsNorm(tensors.input, normalizedShape, tensors.weight, epsilon),
      forward: (values) =>
        isCentered
          ? oracle.layerNorm(values.input, values.weight, values.bias, rows, columns, rounded)
          : oracle.rmsNorm(values.input, values.weight, rows, columns, rounded),
      gradients: (dy) =>
        pick(oracle.normGradients(dy, input.values, weight?.values, rows, columns, rounded, isCentered)),
      tolerance: (dy) => {
        const errors = normGradientErrors(dy, problem, isCentered);
        return (operand, index) => errors[operand][index];
      },
      // Where a row's deviation is small, its norm bends within a step.
      isSmooth: statisticsOf(problem, isCentered).every(({ s }) => s > 0.1),
    };
  };

const normalizeBound: ErrorBound = [["2^-24", "(5 + n/32) · |result|"], ["2^-149"]];

const normalizeRecipes = fc
  .record({
    dtype: floatTypes,
    leading: leadingAxes,
    size: layerSizes,
    trailing: leadingAxes,
    amplitude: fc.constantFrom(0, 1e-15, 1e-12, 1e-3, 1, 100, 1e25),
    isTensor: fc.boolean(),
    dataSeed: dataSeeds,
  })
  .map(({ dtype, leading, size, trailing, amplitude, isTensor, dataSeed }) => ({
    input: randomOperand(dataSeed, dtype, [...leading, size, ...trailing], dtype === "float16" ? 1 : amplitude),
    axis: leading.length,
    sizes: [count(leading), size, count(trailing)] as const,
    isTensor,
  }));

const normalizeTrials: fc.Arbitrary<Trial> = normalizeRecipes.map(({ input, axis, sizes, isTensor }) => {
  const expected = alongRows(sizes, [input.values], oracle.normalize);
  return {
    run: () => normalize(given(input, isTensor), { axis }),
    dtype: input.dtype,
    shape: input.shape,
    expected,
    tolerance: (index) =>
      evaluate(normalizeBound, { "(5 + n/32) · |result|": (5 + sizes[1] / 32) * Math.abs(expected[index]) }),
  };
});

const normalizeGradientTrials: fc.Arbitrary<GradientTrial> = normalizeRecipes.map(({ input, axis, sizes }) => ({
  operands: { input },
  run: (tensors) => normalize(tensors.input, { axis }),
  forward: (values) => alongRows(sizes, [values.input], oracle.normalize),
  gradients: (dy) => ({ input: alongRows(sizes, [dy, input.values], oracle.normalizeGradient) }),
  tolerance: (dy) => {
    const tolerances = alongRows(sizes, [dy, input.values], (dy, row) => {
      const y = oracle.normalize(row).map(Math.abs);
      const norm = Math.max(Math.hypot(...row), 1e-12);
      const size = y.reduce((sum, value, c) => sum + value * Math.abs(dy[c]), 0);
      return y.map((value, c) => {
        const n = row.length;
        const quantity = (Math.abs(dy[c]) + value * size) / norm;
        return 2 ** -24 * (20 + n / 8) * quantity + 2 ** -149 * (1 + (1 + n) / norm);
      });
    });
    return (_, index) => tolerances[index];
  },
  isSmooth: input.values.every((x) => Math.abs(x) > 0.01 && Math.abs(x) < 1e3),
}));

const large = randomOperand(1, "float16", [2, 4, 30, 32]);
const gain = randomOperand(4, "bfloat16", [32]);

export const normalizationRecords: readonly OperationRecord[] = [
  {
    name: "layerNorm",
    family: "normalization",
    computes: "(input − mean) / √(variance + epsilon) · weight + bias",
    error: { layerNorm: layerNormBound },
    property: { trials: problems.map(layerNormTrial), numRuns: 400 },
    gradient: { trials: gradientProblems.map(normGradientTrial(true)), numRuns: 200 },
    // prettier-ignore
    refusals: [
      ...wrongDTypes("layerNorm", "input", (x) => layerNorm(x, 4)),
      ...wrongDTypes("layerNorm", "weight", (w) => layerNorm(floats(3, 4), [3, 4], w)),
      ...wrongDTypes("layerNorm", "bias", (b) => layerNorm(floats(3, 4), [3, 4], undefined, b)),
      ["another last axis", () => layerNorm(floats(2, 4), [5]), RangeError, "ERR_SHAPE", /^layerNorm: input: .*…, 5\].*got \[2, 4\]/],
      ["no normalizedShape", () => layerNorm(floats(4), []), RangeError, "ERR_SHAPE", /normalizedShape: .*at least one/],
      ["a negative size", () => layerNorm(floats(4), [-4]), RangeError, "ERR_SHAPE", /normalizedShape: .*got \[-4\]/],
      ["a text", () => layerNorm(floats(4), "4" as never), TypeError, "ERR_INVALID_TYPE", /normalizedShape: .*got "4"/],
      ["another weight", () => layerNorm(floats(2, 4), 4, floats(3)), RangeError, "ERR_SHAPE", /weight: .*\[4\].*got \[3\]/],
      ["another bias", () => layerNorm(floats(2, 4), 4, undefined, floats(1)), RangeError, "ERR_SHAPE", /bias: .*got \[1\]/],
      ["a negative epsilon", () => layerNorm(floats(4), 4, undefined, undefined, -1), RangeError, "ERR_INVALID_VALUE", /epsilon: .*got -1/],
    ],
    call: () => [layerNorm(floats(2, 4), 4, floats(4), floats(4))],
    memory: { layerNorm: () => [layerNorm(large, 32, gain, gain)] },
    typical: () => {
      const [input, weight, bias] = [[128, 768], [768], [768]].map((shape, seed) => randn(shape, { seed }));
      return { size: "[128, 768]", run: () => layerNorm(input, 768, weight, bias), bytes: 2 * 4 * 128 * 768 };
    },
    mixture: (n) => [layerNorm(floats(n, 6), [6])],
    bits: {
      cases: [
        {
          name: "layerNorm: weight and bias",
          seed: 56,
          amplitude: 1,
          sizes: { rows: 5, columns: 77 },
          options: { weight: true, bias: true },
        },
        {
          name: "layerNorm: long row",
          seed: 57,
          amplitude: 100,
          sizes: { rows: 1, columns: 2065 },
          options: { epsilon: 0.001 },
        },
        {
          name: "layerNorm: squares beyond the range of float32",
          seed: 76,
          amplitude: 1.2676506002282294e30,
          sizes: { rows: 5, columns: 77 },
        },
        {
          name: "layerNorm: a large mean, squares below the range of float32",
          seed: 77,
          amplitude: 7.888609052210118e-31,
          planted: {
            input: [
              [0, "1000"],
              [1, "1001"],
              [2, "1004"],
              [3, "1002"],
              [4, "1002"],
              [5, "1004"],
              [6, "1001"],
              [7, "1000"],
              [8, "1001"],
              [9, "1004"],
              [10, "1002"],
              [11, "1002"],
              [12, "1004"],
              [13, "1001"],
              [14, "1000"],
              [15, "1001"],
              [16, "1004"],
              [17, "1002"],
              [18, "1002"],
            ],
          },
          sizes: { rows: 3, columns: 19 },
          options: { epsilon: 7.346839692639297e-40 },
        },
      ],
      run: ({ sizes: { columns }, options }, inputs) => [
        layerNorm(
          inputs.matrix("input"),
          columns,
          inputs.parameter("weight", [columns]),
          inputs.parameter("bias", [columns]),
          options?.epsilon as number | undefined,
        ),
      ],
    },
  },
  {
    name: "rmsNorm",
    family: "normalization",
    computes: "input / √(mean of input² + epsilon) · weight",
    error: { rmsNorm: rmsNormBound },
    property: { trials: problems.map(rmsNormTrial), numRuns: 400 },
    gradient: { trials: gradientProblems.map(normGradientTrial(false)), numRuns: 200 },
    // prettier-ignore
    refusals: [
      ...wrongDTypes("rmsNorm", "input", (x) => rmsNorm(x, 4)),
      ...wrongDTypes("rmsNorm", "weight", (w) => rmsNorm(floats(3, 4), [3, 4], w)),
      ["a longer normalizedShape", () => rmsNorm(floats(4), [2, 4]), RangeError, "ERR_SHAPE", /^rmsNorm: input: .*…, 2, 4\]/],
      ["a flat weight for two axes", () => rmsNorm(floats(2, 4), [2, 4], floats(8)), RangeError, "ERR_SHAPE", /weight: .*\[2, 4\]/],
      ["an epsilon of NaN", () => rmsNorm(floats(4), 4, undefined, NaN), RangeError, "ERR_INVALID_VALUE", /epsilon: .*got NaN/],
    ],
    call: () => [rmsNorm(floats(2, 4), 4, floats(4))],
    memory: { rmsNorm: () => [rmsNorm(large, 32, gain)] },
    typical: () => {
      const [input, weight] = [[128, 768], [768]].map((shape, seed) => randn(shape, { seed }));
      return { size: "[128, 768]", run: () => rmsNorm(input, 768, weight), bytes: 2 * 4 * 128 * 768 };
    },
    mixture: (n) => [rmsNorm(floats(n, 6), [6])],
    bits: {
      cases: [
        { name: "rmsNorm: weight", seed: 58, amplitude: 1, sizes: { rows: 5, columns: 77 }, options: { weight: true } },
        {
          name: "rmsNorm: float16, without weight",
          seed: 59,
          amplitude: 1,
          dtype: "float16",
          sizes: { rows: 5, columns: 30 },
          options: { epsilon: 1e-5 },
        },
        {
          name: "rmsNorm: squares below the range of float32",
          seed: 78,
          amplitude: 7.52316384526264e-37,
          sizes: { rows: 5, columns: 77 },
          options: { epsilon: 0 },
        },
      ],
      run: ({ sizes: { columns }, options }, inputs) => [
        rmsNorm(
          inputs.matrix("input"),
          columns,
          inputs.parameter("weight", [columns]),
          options?.epsilon as number | undefined,
        ),
      ],
    },
  },
  {
    name: "normalize",
    family: "normalization",
    computes: "input / max(√(Σ input²), 1e-12) along an axis",
    error: { normalize: normalizeBound },
    property: { trials: normalizeTrials, numRuns: 200 },
    gradient: { trials: normalizeGradientTrials, numRuns: 200 },
    // prettier-ignore
    refusals: [
      ...wrongDTypes("normalize", "input", (x) => normalize(x)),
      ["an axis of two", () => normalize(floats(2, 4), { axis: 2 }), RangeError, "ERR_INVALID_VALUE", /^normalize: axis: .*from -2 to 1, got 2/],
      ["PyTorch's name of the axis", () => normalize(floats(4), { dim: 0 } as never), TypeError, "ERR_INVALID_TYPE", /^normalize: options: .*"dim"/],
    ],
    call: () => [normalize(floats(2, 4))],
    memory: { normalize: () => [normalize(large)], "normalize along an axis": () => [normalize(large, { axis: 1 })] },
    typical: () => {
      const input = randn([128, 768], { seed: 1 });
      return { size: "[128, 768]", run: () => normalize(input), bytes: 2 * 4 * 128 * 768 };
    },
    mixture: (n) => [normalize(floats(n, 6)), normalize(floats(2, n, 3), { axis: 1 })],
    bits: {
      cases: [
        { name: "normalize: rows", seed: 94, amplitude: 1, sizes: { rows: 5, columns: 77 } },
        {
          name: "normalize: squares beyond the range of float32",
          seed: 95,
          amplitude: 1.2676506002282294e30,
          sizes: { rows: 2, columns: 77 },
        },
      ],
      run: (_, inputs) => [normalize(inputs.matrix("input"))],
    },
  },
];
