/** gelu, silu, relu, swiglu. */
import fc from "fast-check";
import { gelu, randn, relu, silu, swiglu, type Tensor, type TensorLike } from "../../../ts/entry/default.js";
import * as oracle from "../../oracle/activation.js";
import { type ErrorBound, evaluate } from "../error-bound.js";
import { dataSeeds, floatTypes, given, leadingAxes, randomOperand } from "../layer-operands.js";
import { floats, type OperationRecord, type Trial, wrongDTypes } from "../operation.js";

const geluBound: ErrorBound = [["2^-20.5", "|result|"], ["2^-114"]];
const geluTanhBound: ErrorBound = [["2^-23", "(3 + 4 · |u|) · |result|"], ["2^-124"]];
const siluBound: ErrorBound = [["2^-22", "|result|"], ["2^-121"]];

const swigluBound: ErrorBound = [["2^-21.5", "|result|"], ["2^-121", "|b|"], ["2^-149"]];

/** A function of one number, in one of its forms. */
export interface ActivationForm {
  readonly title: string;
  readonly ours: (input: TensorLike) => Tensor;
  readonly truth: (x: number) => number;
  readonly tolerance: (x: number, truth: number) => number;
}

const absolute = (truth: number): Record<string, number> => ({ "|result|": Math.abs(truth) });

export const geluForms: readonly ActivationForm[] = [
  {
    title: "gelu",
    ours: (input) => gelu(input),
    truth: (x) => oracle.gelu(x),
    tolerance: (_, truth) => evaluate(geluBound, absolute(truth)),
  },
  {
    title: 'gelu with approximate "tanh"',
    ours: (input) => gelu(input, { approximate: "tanh" }),
    truth: (x) => oracle.gelu(x, "tanh"),
    tolerance: (x, truth) => {
      const u = Math.sqrt(2 / Math.PI) * (x + 0.044715 * x ** 3);
      const quantity = (3 + 4 * Math.abs(u)) * Math.abs(truth);
      return evaluate(geluTanhBound, { "(3 + 4 · |u|) · |result|": quantity });
    },
  },
];

export const siluForm: ActivationForm = {
  title: "silu",
  ours: silu,
  truth: oracle.silu,
  tolerance: (_, truth) => evaluate(siluBound, absolute(truth)),
};

export const reluForm: ActivationForm = { title: "relu", ours: relu, truth: oracle.relu, tolerance: () => 0 };

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
    name: "swiglu",
    family: "activation",
    computes: "silu(a) · b",
    error: { swiglu: swigluBound },
    property: { trials: swigluTrials, numRuns: 100 },
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
