import fc from "fast-check";
import { logSoftmax, randn, softmax } from "../../../ts/entry/default.js";
import * as oracle from "../../oracle/softmax.js";
import { type ErrorBound, evaluate } from "../error-bound.js";
import type { GradientTrial } from "../gradient.js";
import { count, dataSeeds, floatTypes, given, layerSizes, leadingAxes, randomOperand } from "../layer-operands.js";
import { floats, type OperationRecord, type Trial, wrongDTypes } from "../operation.js";

const softmaxBound: ErrorBound = [["2^-24", "(12 + |input − m| + n/1024) · result"], ["2^-100"]];
const logSoftmaxBound: ErrorBound = [["2^-24", "(12 + ln n + 3 · |result| + n/1024)"]];

/** The places of each row along the middle of [outer, size, inner]. */
export function rowsAlong([outer, size, inner]: readonly [number, number, number]): number[][] {
  return Array.from({ length: size === 0 ? 0 : outer * inner }, (_, row) =>
    Array.from({ length: size }, (_, c) => (Math.floor(row / inner) * size + c) * inner + (row % inner)),
  );
}

/** What `compute` makes of each row of the arrays. */
export function alongRows(
  sizes: readonly [number, number, number],
  arrays: readonly Float64Array[],
  compute: (...rows: number[][]) => ArrayLike<number>,
): Float64Array {
  const output = new Float64Array(count(sizes));
  for (const places of rowsAlong(sizes)) {
    const results = compute(...arrays.map((array) => places.map((place) => array[place])));
    places.forEach((place, c) => (output[place] = results[c]));
  }
  return output;
}

const sum = (numbers: readonly number[]): number => numbers.reduce((total, x) => total + x, 0);

/** One of the two functions, row by row. */
interface Form {
  readonly ours: typeof softmax;
  readonly truth: (row: number[]) => Float64Array;
  /** The stated errors of a row's results. */
  readonly errors: (row: number[], results: Float64Array) => number[];
  readonly gradient: (dy: number[], results: number[]) => number[];
  /** The stated errors of its gradient, of results with these errors. */
  readonly gradientErrors: (dy: number[], results: number[], errors: number[]) => number[];
}

const softmaxForm: Form = {
  ours: softmax,
  truth: (row) => oracle.softmax(row, 1, row.length),
  errors: (row, results) => {
    const maximum = Math.max(...row);
    return row.map((x, c) => {
      const quantity = (12 + Math.abs(x - maximum) + row.length / 1024) * results[c];
      return evaluate(softmaxBound, { "(12 + |input − m| + n/1024) · result": quantity });
    });
  },
  gradient: oracle.softmaxGradient,
  gradientErrors: (dy, y, errors) => {
    const size = sum(y.map((w, c) => Math.abs(w * dy[c])));
    const total = sum(y.map((w, c) => w * dy[c]));
    const spread = sum(errors.map((error, c) => error * Math.abs(dy[c])));
    const n = dy.length;
    // That of the kernel, and what the errors of the results make of y and of the sum.
    return y.map(
      (w, c) =>
        1.001 *
        (2 ** -24 * w * ((8 + n / 16) * size + 2 * Math.abs(dy[c])) +
          2 ** -149 * (1 + n) +
          errors[c] * Math.abs(dy[c] - total) +
          w * spread),
    );
  },
};

const logSoftmaxForm: Form = {
  ours: logSoftmax,
  truth: (row) => oracle.logSoftmax(row, 1, row.length),
  errors: (row, results) =>
    row.map((_, c) => {
      const quantity = 12 + Math.log(row.length) + 3 * Math.abs(results[c]) + row.length / 1024;
      return evaluate(logSoftmaxBound, { "(12 + ln n + 3 · |result| + n/1024)": quantity });
    }),
  gradient: oracle.logSoftmaxGradient,
  gradientErrors: (dy, y, errors) => {
    const size = sum(dy.map(Math.abs));
    const n = dy.length;
    return y.map(
      (logarithm, c) =>
        1.001 *
        (Math.exp(logarithm) * size * (2 ** -24 * (12 + n / 16) + errors[c]) +
          2 ** -24 * Math.abs(dy[c]) +
          2 ** -125 * size +
          2 ** -149),
    );
  },
};

/** Along any axis. */
const recipes = fc.record({
  dtype: floatTypes,
  leading: leadingAxes,
  size: layerSizes,
  trailing: leadingAxes,
  fromEnd: fc.boolean(),
  amplitude: fc.constantFrom(0.1, 1, 10, 100),
  isTensor: fc.boolean(),
  dataSeed: dataSeeds,
});

const trialsOf = ({ ours, truth, errors }: Form): fc.Arbitrary<Trial> =>
  recipes.map(({ dtype, leading, size, trailing, fromEnd, amplitude, isTensor, dataSeed }) => {
    const shape = [...leading, size, ...trailing];
    const input = randomOperand(dataSeed, dtype, shape, amplitude);
    const axis = fromEnd ? -1 - trailing.length : leading.length;
    const sizes = [count(leading), size, count(trailing)] as const;
    const tolerances = alongRows(sizes, [input.values], (row) => errors(row, truth(row)));
    return {
      run: () => ours(given(input, isTensor), { axis }),
      dtype,
      shape,
      expected: alongRows(sizes, [input.values], truth),
      tolerance: (index) => tolerances[index],
    };
  });

const gradientTrialsOf = ({ ours, truth, errors, gradient, gradientErrors }: Form): fc.Arbitrary<GradientTrial> =>
  recipes.map(({ dtype, leading, size, trailing, fromEnd, amplitude, dataSeed }) => {
    const input = randomOperand(dataSeed, dtype, [...leading, size, ...trailing], amplitude);
    const axis = fromEnd ? -1 - trailing.length : leading.length;
    const sizes = [count(leading), size, count(trailing)] as const;
    return {
      operands: { input },
      run: (tensors) => ours(tensors.input, { axis }),
      forward: (values) => alongRows(sizes, [values.input], truth),
      gradients: (dy) => ({
        input: alongRows(sizes, [dy, input.values], (dy, row) => gradient(dy, Array.from(truth(row)))),
      }),
      tolerance: (dy) => {
        const tolerances = alongRows(sizes, [dy, input.values], (dy, row) => {
          const results = truth(row);
          return gradientErrors(dy, Array.from(results), errors(row, results));
        });
        return (_, index) => tolerances[index];
      },
    };
  });

const good = floats(2, 3);
const large = randomOperand(1, "float16", [2, 4, 30, 32]);

/** What both have in common. */
const record = (form: Form, name: string, computes: string, error: ErrorBound): Omit<OperationRecord, "bits"> => {
  const { ours } = form;
  const message = (text: string): RegExp => new RegExp(`^${name}: ${text}`);
  return {
    name,
    family: "softmax",
    computes,
    error: { [name]: error },
    property: { trials: trialsOf(form), numRuns: 200 },
    gradient: { trials: gradientTrialsOf(form), numRuns: 200 },
    // prettier-ignore
    refusals: [
      ...wrongDTypes(name, "input", (input) => ours(input)),
      ["an axis of two", () => ours(good, { axis: 2 }), RangeError, "ERR_INVALID_VALUE", message("axis: .*from -2 to 1, got 2")],
      ["a fractional axis", () => ours(good, { axis: 0.5 }), RangeError, "ERR_INVALID_VALUE", message("axis: .*got 0.5")],
      ["an axis that is no number", () => ours(good, { axis: "0" as never }), TypeError, "ERR_INVALID_TYPE", message('axis: .*"0"')],
      ["PyTorch's name of the axis", () => ours(good, { dim: 1 } as never), TypeError, "ERR_INVALID_TYPE", message('options: .*"dim"')],
      ["no tensor", () => ours([1, 2] as never), TypeError, "ERR_INVALID_TYPE", message("input: .*got \\[1, 2\\]")],
    ],
    call: () => [ours(good)],
    memory: { [`${name} along an axis`]: () => [ours(large, { axis: 1 })], [name]: () => [ours(large)] },
    typical: () => {
      const input = randn([12, 128, 512], { seed: 1 });
      return { size: "[12, 128, 512]", run: () => ours(input), bytes: 2 * 4 * 12 * 128 * 512 };
    },
    mixture: (n) => [ours(floats(n, 6)), ours(floats(2, n, 3), { axis: 1 })],
  };
};

export const softmaxRecords: readonly OperationRecord[] = [
  {
    ...record(
      softmaxForm,
      "softmax",
      "exp(input − m) / Σ exp(input − m) along an axis, with m the maximum",
      softmaxBound,
    ),
    bits: {
      cases: [
        { name: "softmax: rows", seed: 49, amplitude: 30, sizes: { rows: 7, columns: 37 } },
        { name: "softmax: long row", seed: 50, amplitude: 5, sizes: { rows: 1, columns: 2100 } },
        { name: "softmax: float16", seed: 51, amplitude: 1, dtype: "float16", sizes: { rows: 3, columns: 19 } },
      ],
      run: (_, inputs) => [softmax(inputs.matrix("input"))],
    },
  },
  {
    ...record(logSoftmaxForm, "logSoftmax", "input − m − ln Σ exp(input − m) along an axis", logSoftmaxBound),
    bits: {
      cases: [
        { name: "logSoftmax: rows", seed: 92, amplitude: 30, sizes: { rows: 7, columns: 37 } },
        { name: "logSoftmax: long row", seed: 93, amplitude: 5, sizes: { rows: 1, columns: 2100 } },
      ],
      run: (_, inputs) => [logSoftmax(inputs.matrix("input"))],
    },
  },
];
