/** gelu, silu, relu, sigmoid, tanh, swiglu. */
import fc from "fast-check";
import {
  gelu,
  randn,
  relu,
  sigmoid,
  silu,
  swiglu,
  tanh,
  type Tensor,
  type TensorLike,
} from "../../../ts/entry/default.js";
import * as oracle from "../../oracle/activation.js";
import { type ErrorBound, evaluate } from "../error-bound.js";
import type { GradientTrial } from "../gradient.js";
import { dataSeeds, floatTypes, given, leadingAxes, randomOperand } from "../layer-operands.js";
import { floats, type OperationRecord, type Trial, wrongDTypes } from "../operation.js";

const geluBound: ErrorBound = [["2^-20.5", "|result|"], ["2^-114"]];
const geluTanhBound: ErrorBound = [["2^-23", "(3 + 4 · |u|) · |result|"], ["2^-124"]];
const siluBound: ErrorBound = [["2^-22", "|result|"], ["2^-121"]];

const sigmoidBound: ErrorBound = [["2^-21.5", "|result|"], ["2^-125"]];
const tanhBound: ErrorBound = [["2^-21.5", "|result|"], ["2^-149"]];

const swigluBound: ErrorBound = [["2^-21.5", "|result|"], ["2^-121", "|b|"], ["2^-149"]];

/** A function of one number, in one of its forms. */
export interface ActivationForm {
  readonly title: string;
  readonly ours: (input: TensorLike) => Tensor;
  readonly truth: (x: number) => number;
  readonly tolerance: (x: number, truth: number) => number;
  readonly derivative: (x: number) => oracle.DerivativeTerms;
  /** How far off the derivative may be, relative to its terms' magnitudes. */
  readonly derivativeError: (x: number) => number;
  /** The results at Infinity and -Infinity. */
  readonly limits: readonly [number, number];
}

const absolute = (truth: number): Record<string, number> => ({ "|result|": Math.abs(truth) });

/** |u|, that of tanh. */
const geluArgument = (x: number): number => Math.abs(Math.sqrt(2 / Math.PI) * (x + 0.044715 * x ** 3));

export const geluForms: readonly ActivationForm[] = [
  {
    title: "gelu",
    ours: (input) => gelu(input),
    truth: (x) => oracle.gelu(x),
    tolerance: (_, truth) => evaluate(geluBound, absolute(truth)),
    derivative: (x) => oracle.geluDerivative(x),
    derivativeError: () => 2 ** -20,
    limits: [Infinity, NaN],
  },
  {
    title: 'gelu with approximate "tanh"',
    ours: (input) => gelu(input, { approximate: "tanh" }),
    truth: (x) => oracle.gelu(x, "tanh"),
    tolerance: (x, truth) => {
      const quantity = (3 + 4 * geluArgument(x)) * Math.abs(truth);
      return evaluate(geluTanhBound, { "(3 + 4 · |u|) · |result|": quantity });
    },
    derivative: (x) => oracle.geluDerivative(x, "tanh"),
    derivativeError: (x) => 2 ** -23 * (7 + 4 * geluArgument(x)),
    limits: [Infinity, NaN],
  },
];

export const siluForm: ActivationForm = {
  title: "silu",
  ours: silu,
  truth: oracle.silu,
  tolerance: (_, truth) => evaluate(siluBound, absolute(truth)),
  derivative: oracle.siluDerivative,
  derivativeError: () => 2 ** -20.5,
  limits: [Infinity, NaN],
};

export const reluForm: ActivationForm = {
  title: "relu",
  ours: relu,
  truth: oracle.relu,
  tolerance: () => 0,
  derivative: oracle.reluDerivative,
  derivativeError: () => 0,
  limits: [Infinity, 0],
};

export const sigmoidForm: ActivationForm = {
  title: "sigmoid",
  ours: sigmoid,
  truth: oracle.sigmoid,
  tolerance: (_, truth) => evaluate(sigmoidBound, absolute(truth)),
  derivative: oracle.sigmoidDerivative,
  derivativeError: () => 2 ** -20.5,
  limits: [1, 0],
};

export const tanhForm: ActivationForm = {
  title: "tanh",
  ours: tanh,
  truth: Math.tanh,
  tolerance: (_, truth) => evaluate(tanhBound, absolute(truth)),
  derivative: oracle.tanhDerivative,
  derivativeError: () => 2 ** -20.5,
  limits: [1, -1],
};

const recipes = fc.record({
  dtype: floatTypes,
  shape: leadingAxes,
  amplitude: fc.constantFrom(1e-3, 1, 10, 1e4),
  isTensor: fc.boolean(),
  dataSeed: dataSeeds,
});

const trialsOf = (forms: readonly ActivationForm[]): fc.Arbitrary<Trial> =>
  fc
    .tuple(fc.constantFrom(...forms), recipes)
    .map(([{ ours, truth, tolerance }, { dtype, shape, amplitude, isTensor, dataSeed }]) => {
      const input = randomOperand(dataSeed, dtype, shape, amplitude);
      const expected = input.values.map(truth);
      return {
        run: () => ours(given(input, isTensor)),
        dtype,
        shape,
        expected,
        tolerance: (index) => tolerance(input.values[index], expected[index]),
      };
    });

const magnitude = ([first, second]: oracle.DerivativeTerms): number => Math.abs(first) + Math.abs(second);

/** What becomes 0 in the tails, and below the normal numbers: the largest part of the stated errors that isn't relative. */
const TAIL = 2 ** -110;

/** Away from 0, where relu bends. */
const isAway = (x: number): boolean => Math.abs(x) > 1e-4;

const gradientTrialsOf = (forms: readonly ActivationForm[]): fc.Arbitrary<GradientTrial> =>
  fc
    .tuple(fc.constantFrom(...forms), recipes, fc.constantFrom(1e-3, 1, 10))
    .map(([{ ours, truth, derivative, derivativeError }, { dtype, shape, dataSeed }, amplitude]) => {
      const input = randomOperand(dataSeed, dtype, shape, amplitude);
      const terms = Array.from(input.values, derivative);
      return {
        operands: { input },
        run: (tensors) => ours(tensors.input),
        forward: (values) => values.input.map(truth),
        gradients: (dy) => ({ input: dy.map((d, index) => d * (terms[index][0] + terms[index][1])) }),
        tolerance: (dy) => (_, index) =>
          Math.abs(dy[index]) * (derivativeError(input.values[index]) * magnitude(terms[index]) + TAIL) + 2 ** -149,
        isSmooth: truth !== oracle.relu || input.values.every(isAway),
      };
    });

const swigluGradientTrials: fc.Arbitrary<GradientTrial> = fc
  .tuple(recipes, floatTypes, fc.constantFrom(1e-3, 1, 10))
  .map(([{ dtype, shape, dataSeed }, dtypeOfB, amplitude]) => {
    const a = randomOperand(dataSeed, dtype, shape, amplitude);
    const b = randomOperand(dataSeed + 1, dtypeOfB, shape);
    const terms = Array.from(a.values, oracle.siluDerivative);
    return {
      operands: { a, b },
      run: (tensors) => swiglu(tensors.a, tensors.b),
      forward: (values) => values.a.map((x, index) => oracle.swiglu(x, values.b[index])),
      gradients: (dy) => ({
        a: dy.map((d, index) => d * b.values[index] * (terms[index][0] + terms[index][1])),
        b: dy.map((d, index) => d * oracle.silu(a.values[index])),
      }),
      tolerance: (dy) => (operand, index) => {
        const truth = dy[index] * oracle.silu(a.values[index]);
        if (operand === "b") return evaluate(swigluBound, { ...absolute(truth), "|b|": Math.abs(dy[index]) });
        return Math.abs(dy[index] * b.values[index]) * (2 ** -20 * magnitude(terms[index]) + TAIL) + 2 ** -149;
      },
    };
  });

const swigluTrials: fc.Arbitrary<Trial> = fc
  .tuple(recipes, floatTypes)
  .map(([{ dtype, shape, amplitude, isTensor, dataSeed }, dtypeOfB]) => {
    const a = randomOperand(dataSeed, dtype, shape, amplitude);
    const b = randomOperand(dataSeed + 1, dtypeOfB, shape);
    const expected = a.values.map((x, index) => oracle.swiglu(x, b.values[index]));
    return {
      run: () => swiglu(given(a, isTensor), given(b, isTensor)),
      dtype,
      shape,
      expected,
      tolerance: (index) =>
        evaluate(swigluBound, { "|result|": Math.abs(expected[index]), "|b|": Math.abs(b.values[index]) }),
    };
  });

const large = randomOperand(1, "float16", [2, 4, 30, 32]);

/** What the functions of one number have in common. */
const activation = (
  name: string,
  computes: string,
  error: OperationRecord["error"],
  forms: readonly ActivationForm[],
): Omit<OperationRecord, "bits"> => {
  const { ours } = forms[0];
  return {
    name,
    family: "activation",
    computes,
    error,
    property: { trials: trialsOf(forms), numRuns: 60 * forms.length },
    gradient: { trials: gradientTrialsOf(forms), numRuns: 60 * forms.length },
    refusals: wrongDTypes(name, "input", ours),
    call: () => [ours(floats(2, 3))],
    memory: { [name]: () => [ours(large)] },
    typical: () => {
      const input = randn([128, 3072], { seed: 1 });
      return { size: "[128, 3072]", run: () => ours(input), bytes: 2 * 4 * 128 * 3072 };
    },
    mixture: (n) => forms.map((form) => form.ours(randomOperand(n, n % 2 === 0 ? "float32" : "bfloat16", [n, 3]))),
  };
};

const geluRecord = activation(
  "gelu",
  "x · Φ(x), or its approximation by tanh",
  { gelu: geluBound, 'gelu with approximate "tanh"': geluTanhBound },
  geluForms,
);

export const activationRecords: readonly OperationRecord[] = [
  {
    ...geluRecord,
    refusals: [
      ...wrongDTypes("gelu", "input", (input) => gelu(input)),
      [
        "another approximation",
        () => gelu(floats(2), { approximate: "fast" as never }),
        RangeError,
        "ERR_INVALID_VALUE",
        /^gelu: approximate: .*got "fast"/,
      ],
      [
        "a boolean approximation",
        () => gelu(floats(2), { approximate: true as never }),
        TypeError,
        "ERR_INVALID_TYPE",
        /^gelu: approximate: .*got true/,
      ],
      [
        "an unknown option",
        () => gelu(floats(2), { approximation: "tanh" } as never),
        TypeError,
        "ERR_INVALID_TYPE",
        /^gelu: options: unknown option "approximation"/,
      ],
    ],
    bits: {
      cases: [
        { name: "gelu: by the error function", seed: 60, amplitude: 14, sizes: { rows: 1, columns: 1003 } },
        {
          name: "gelu: by tanh",
          seed: 61,
          amplitude: 14,
          sizes: { rows: 1, columns: 1003 },
          options: { approximate: "tanh" },
        },
      ],
      run: ({ options }, inputs) => [gelu(inputs.matrix("input"), options)],
    },
  },
  {
    ...activation("silu", "x / (1 + e^−x)", { silu: siluBound }, [siluForm]),
    bits: {
      cases: [{ name: "silu: wide", seed: 62, amplitude: 100, sizes: { rows: 1, columns: 1003 } }],
      run: (_, inputs) => [silu(inputs.matrix("input"))],
    },
  },
  {
    ...activation("relu", "the larger of x and 0", "none", [reluForm]),
    bits: {
      cases: [
        {
          name: "relu: with NaN",
          seed: 63,
          amplitude: 1,
          planted: {
            input: [
              [2, "NaN"],
              [4, "-Infinity"],
            ],
          },
          sizes: { rows: 1, columns: 21 },
        },
      ],
      run: (_, inputs) => [relu(inputs.matrix("input"))],
    },
  },
  {
    ...activation("sigmoid", "1 / (1 + e^−x)", { sigmoid: sigmoidBound }, [sigmoidForm]),
    bits: {
      cases: [{ name: "sigmoid: wide", seed: 90, amplitude: 100, sizes: { rows: 1, columns: 1003 } }],
      run: (_, inputs) => [sigmoid(inputs.matrix("input"))],
    },
  },
  {
    ...activation("tanh", "the hyperbolic tangent", { tanh: tanhBound }, [tanhForm]),
    bits: {
      cases: [{ name: "tanh: wide", seed: 91, amplitude: 10, sizes: { rows: 1, columns: 1003 } }],
      run: (_, inputs) => [tanh(inputs.matrix("input"))],
    },
  },
  {
    name: "swiglu",
    family: "activation",
    computes: "silu(a) · b",
    error: { swiglu: swigluBound },
    property: { trials: swigluTrials, numRuns: 100 },
    gradient: { trials: swigluGradientTrials, numRuns: 100 },
    refusals: [
      ...wrongDTypes("swiglu", "a", (a) => swiglu(a, floats(3, 4))),
      ...wrongDTypes("swiglu", "b", (b) => swiglu(floats(3, 4), b)),
      [
        "different shapes",
        () => swiglu(floats(2, 3), floats(3)),
        RangeError,
        "ERR_SHAPE",
        /^swiglu: b: .*\[2, 3\], as a has it, got \[3\]/,
      ],
    ],
    call: () => [swiglu(floats(2, 3), floats(2, 3))],
    memory: { swiglu: () => [swiglu(large, large)] },
    typical: () => {
      const [a, b] = [1, 2].map((seed) => randn([128, 3072], { seed }));
      return { size: "[128, 3072]", run: () => swiglu(a, b), bytes: 3 * 4 * 128 * 3072 };
    },
    mixture: (n) => [swiglu(floats(n, 3), randomOperand(n, "float16", [n, 3]))],
    bits: {
      cases: [{ name: "swiglu: wide", seed: 79, amplitude: 100, sizes: { rows: 1, columns: 1003 } }],
      run: (_, inputs) => [swiglu(inputs.matrix("input"), inputs.matrix("other"))],
    },
  },
];
