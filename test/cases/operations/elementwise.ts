/** add, mul. */
import fc from "fast-check";
import { add, mul, randn, type Tensor, type TensorLike } from "../../../ts/entry/default.js";
import { broadcastShape } from "../../oracle/broadcasting.js";
import * as oracle from "../../oracle/elementwise.js";
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
  randomOperand,
} from "../layer-operands.js";
import { floats, type OperationRecord, type Trial, wrongDTypes } from "../operation.js";

const addBound: ErrorBound = [["2^-24", "|result|"]];
const mulBound: ErrorBound = [["2^-24", "|result|"], ["2^-150"]];

type Combine = (a: TensorLike | number, b: TensorLike | number) => Tensor;

/** Two operands whose shapes broadcast: of each some axes have size 1, and of one the first axes may be missing. */
const operandPairs = fc
  .record({
    leading: leadingAxes,
    size: layerSizes,
    isRepeated: fc.array(fc.tuple(fc.boolean(), fc.boolean()), { minLength: 4, maxLength: 4 }),
    missing: fc.tuple(fc.constantFrom(0, 1), fc.nat(4)),
    dtypes: fc.tuple(floatTypes, floatTypes),
    amplitude: fc.constantFrom(1e-3, 1, 1e4),
    dataSeed: dataSeeds,
  })
  .map(({ leading, size, isRepeated, missing: [which, missing], dtypes, amplitude, dataSeed }) =>
    dtypes.map((dtype, operand) => {
      const shape = [...leading, size].map((own, axis) => (isRepeated[axis][operand] ? 1 : own));
      return randomOperand(dataSeed + operand, dtype, operand === which ? shape.slice(missing) : shape, amplitude);
    }),
  );

/** A number as an operand, and what the oracle takes. */
const numbers = fc
  .constantFrom(0, -0.5, 3, 1 / 3, 1e5)
  .map((number) => ({ number, operand: { values: [Math.fround(number)], shape: [] } }));

/** Tensors or what stands for them, or one of them and a number. */
function trialsOf(ours: Combine, truth: typeof oracle.add, bound: ErrorBound): fc.Arbitrary<Trial> {
  const trial = (run: () => Tensor, { dtype }: LayerOperand, a: oracle.Operand, b: oracle.Operand): Trial => {
    const expected = truth(a, b);
    const tolerance = (index: number): number => evaluate(bound, { "|result|": Math.abs(expected[index]) });
    return { run, dtype, shape: broadcastShape(a.shape, b.shape), expected, tolerance };
  };
  return fc
    .tuple(operandPairs, numbers, fc.constantFrom("tensors", "a", "b"), fc.boolean())
    .map(([[a, b], { number, operand }, numberAt, isTensor]) => {
      if (numberAt === "a") return trial(() => ours(number, given(b, isTensor)), b, operand, b);
      if (numberAt === "b") return trial(() => ours(given(a, isTensor), number), a, a, operand);
      return trial(() => ours(given(a, isTensor), given(b, isTensor)), a, a, b);
    });
}

type GradientOf = (dy: oracle.Operand, operand: oracle.Operand, other: oracle.Operand) => Float64Array;

function gradientTrialsOf(
  ours: Combine,
  truth: typeof oracle.add,
  gradientOf: GradientOf,
): fc.Arbitrary<GradientTrial> {
  const absolute = ({ values, shape }: oracle.Operand): oracle.Operand => ({
    values: Float64Array.from(values, Math.abs),
    shape,
  });
  const of = (
    operands: Readonly<Record<string, LayerOperand>>,
    run: GradientTrial["run"],
    pairOf: (values: Readonly<Record<string, Float64Array>>) => [a: oracle.Operand, b: oracle.Operand],
  ): GradientTrial => {
    const pair = pairOf(Object.fromEntries(Object.entries(operands).map(([name, { values }]) => [name, values])));
    const shape = broadcastShape(pair[0].shape, pair[1].shape);
    const byName = (dy: oracle.Operand, [a, b]: [oracle.Operand, oracle.Operand]): Record<string, Float64Array> =>
      Object.fromEntries(
        Object.entries({ a: gradientOf(dy, a, b), b: gradientOf(dy, b, a) }).filter(([name]) => name in operands),
      );
    return {
      operands,
      run,
      forward: (values) => truth(...pairOf(values)),
      gradients: (dy) => byName({ values: dy, shape }, pair),
      tolerance: (dy) => {
        const sizes = byName(absolute({ values: dy, shape }), [absolute(pair[0]), absolute(pair[1])]);
        return (name, index) => {
          const terms = count(shape) / count(operands[name].shape);
          return (terms + 2) * 2 ** -24 * sizes[name][index] + 2 ** -149;
        };
      },
    };
  };
  return fc
    .tuple(operandPairs, numbers, fc.constantFrom("tensors", "a", "b"))
    .map(([[a, b], { number, operand }, numberAt]) => {
      if (numberAt === "a") {
        return of(
          { b },
          ({ b }) => ours(number, b),
          ({ b: values }) => [operand, { ...b, values }],
        );
      }
      if (numberAt === "b") {
        return of(
          { a },
          ({ a }) => ours(a, number),
          ({ a: values }) => [{ ...a, values }, operand],
        );
      }
      return of(
        { a, b },
        ({ a, b }) => ours(a, b),
        (values) => [
          { ...a, values: values.a },
          { ...b, values: values.b },
        ],
      );
    });
}

const large = randomOperand(1, "float16", [2, 4, 30, 32]);
const repeated = randomOperand(2, "bfloat16", [4, 1, 32]);

const elementwise = (
  name: string,
  ours: Combine,
  truth: typeof oracle.add,
  gradientOf: GradientOf,
  bound: ErrorBound,
): Omit<OperationRecord, "bits"> => ({
  name,
  family: "elementwise",
  computes: `${name === "add" ? "a + b" : "a · b"}, broadcast; one of them may be a number`,
  error: { [name]: bound },
  property: { trials: trialsOf(ours, truth, bound), numRuns: 200 },
  gradient: { trials: gradientTrialsOf(ours, truth, gradientOf), numRuns: 100 },
  // prettier-ignore
  refusals: [
    ...wrongDTypes(name, "a", (a) => ours(a, floats(4))),
    ...wrongDTypes(name, "b", (b) => ours(floats(3, 4), b)),
    ["sizes that don't broadcast", () => ours(floats(2, 3), floats(2)), RangeError, "ERR_SHAPE", new RegExp(`^${name}: b: .*broadcasts with a's \\[2, 3\\], got \\[2\\]`)],
    ["sizes that don't broadcast, of an empty tensor", () => ours(floats(0, 3), floats(2, 3)), RangeError, "ERR_SHAPE", /b: .*\[0, 3\], got \[2, 3\]/],
    ["two numbers", () => ours(1, 2), TypeError, "ERR_INVALID_TYPE", new RegExp(`^${name}: b: expected a Tensor.*got 2`)],
    ["a bigint", () => ours(floats(2), 1n as never), TypeError, "ERR_INVALID_TYPE", new RegExp(`^${name}: b: .*got 1n`)],
    ["a plain array", () => ours([1, 2] as never, floats(2)), TypeError, "ERR_INVALID_TYPE", new RegExp(`^${name}: a: .*got \\[1, 2\\]`)],
    ["an empty result whose sizes overflow", () => ours(floats(0, 60_000, 1), floats(1, 1, 60_000)), RangeError, "ERR_SHAPE", /product is at most/],
    ["a result over 2 GiB", () => ours(floats(40_000, 1), floats(1, 40_000)), RangeError, "ERR_OUT_OF_MEMORY", new RegExp(`^${name}: out of memory`)],
  ],
  call: () => [ours(floats(2, 3), floats(3))],
  memory: { [name]: () => [ours(large, repeated)], [`${name} with a number`]: () => [ours(large, 2)] },
  typical: () => {
    const [a, b] = [1, 2].map((seed) => randn([128, 3072], { seed }));
    return { size: "[128, 3072]", run: () => ours(a, b), bytes: 3 * 4 * 128 * 3072 };
  },
  mixture: (n) => [ours(floats(n, 3), randomOperand(n, "float16", [3])), ours(floats(n, 1), floats(5))],
});

export const elementwiseRecords: readonly OperationRecord[] = [
  {
    ...elementwise("add", add, oracle.add, oracle.gradientOfAdd, addBound),
    bits: {
      cases: [
        {
          name: "add: with NaN",
          seed: 200,
          amplitude: 3,
          planted: { input: [[2, "NaN"]] },
          sizes: { rows: 3, columns: 37 },
        },
      ],
      run: (_, inputs) => [add(inputs.matrix("input"), inputs.matrix("other"))],
    },
  },
  {
    ...elementwise("mul", mul, oracle.mul, oracle.gradientOfMul, mulBound),
    bits: {
      cases: [
        {
          name: "mul: with NaN",
          seed: 201,
          amplitude: 3,
          planted: { input: [[2, "NaN"]] },
          sizes: { rows: 3, columns: 37 },
        },
      ],
      run: (_, inputs) => [mul(inputs.matrix("input"), inputs.matrix("other"))],
    },
  },
];
