/** MultiheadAttention over random configurations against the float64 oracle, and what holds bit for bit. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { forEachArithmetic } from "../support/arithmetics.js";
import { uniformGenerator } from "../cases/arbitraries.js";
import { storedResult, type StoredResult } from "../cases/attention-call.js";
import { multiheadExample } from "../cases/worked-examples.js";
import type { OracleMask, OracleTensor } from "../oracle/attention.js";
import {
  multiheadAttention,
  type MultiheadCall,
  type MultiheadConfiguration,
  type MultiheadState,
} from "../oracle/multihead-attention.js";
import { MultiheadAttention, type MultiheadAttentionOptions, scope, type TensorData } from "../../ts/entry/default.js";

const SEED = Number(process.env["PROPERTY_SEED"] ?? 23);

type MaskKind = "none" | "bool" | "float";

interface Recipe {
  readonly numHeads: number;
  readonly group: number;
  readonly headDim: number;
  readonly kdim: number | null;
  readonly vdim: number | null;
  readonly bias: boolean;
  readonly addBiasKv: boolean;
  readonly addZeroAttn: boolean;
  readonly rotary: "none" | "half" | "interleaved" | "partial";
  readonly order: "batchFirst" | "batchSecond" | "unbatched";
  readonly batch: number;
  readonly queries: number;
  readonly keys: number;
  readonly padding: MaskKind;
  readonly mask: MaskKind;
  readonly maskHeads: boolean;
  readonly isCausal: boolean;
  readonly average: boolean;
  readonly dropout: number;
  readonly dataSeed: number;
}

const maskKinds = fc.constantFrom<MaskKind[]>("none", "none", "bool", "float");
const lengths = fc.oneof(fc.integer({ min: 1, max: 9 }), fc.constantFrom(16, 17, 33));

const recipes: fc.Arbitrary<Recipe> = fc.record({
  numHeads: fc.constantFrom(1, 2, 4),
  group: fc.constantFrom(1, 1, 1, 2),
  headDim: fc.constantFrom(1, 2, 4, 7, 8, 16),
  kdim: fc.constantFrom(null, null, 5, 12),
  vdim: fc.constantFrom(null, null, 3, 12),
  bias: fc.boolean(),
  addBiasKv: fc.boolean(),
  addZeroAttn: fc.boolean(),
  rotary: fc.constantFrom("none", "none", "half", "interleaved", "partial"),
  order: fc.constantFrom("batchFirst", "batchSecond", "unbatched"),
  batch: fc.integer({ min: 1, max: 3 }),
  queries: lengths,
  keys: lengths,
  padding: maskKinds,
  mask: maskKinds,
  maskHeads: fc.boolean(),
  isCausal: fc.boolean(),
  average: fc.boolean(),
  dropout: fc.constantFrom(0, 0, 0.3, 1),
  dataSeed: fc.nat(),
});

interface MultiheadCase {
  readonly configuration: MultiheadConfiguration;
  readonly constructorOptions: MultiheadAttentionOptions;
  readonly state: Record<string, OracleTensor>;
  readonly inputs: readonly [OracleTensor, OracleTensor, OracleTensor];
  readonly call: MultiheadCall;
}

function materialize(recipe: Recipe): MultiheadCase {
  const uniform = uniformGenerator(recipe.dataSeed);
  const draw = (shape: readonly number[], deviation: number): OracleTensor => ({
    shape,
    data: Float32Array.from({ length: shape.reduce((all, size) => all * size, 1) }, () => {
      return deviation * (uniform() + uniform() + uniform() + uniform() - 2) * Math.sqrt(3);
    }),
  });
  const { numHeads, headDim, batch, queries, keys, order } = recipe;
  const numKvHeads = numHeads % recipe.group === 0 ? numHeads / recipe.group : numHeads;
  const embedDim = numHeads * headDim;
  const [kdim, vdim] = [recipe.kdim ?? embedDim, recipe.vdim ?? embedDim];
  const keyWidth = numKvHeads * headDim;
  const rotary = recipe.rotary !== "none" &&
    headDim % 2 === 0 && {
      base: recipe.rotary === "partial" ? 500 : 10000,
      interleaved: recipe.rotary === "interleaved",
      rotaryDim: recipe.rotary === "partial" ? 2 : 0,
    };
  const constructorOptions: MultiheadAttentionOptions = {
    bias: recipe.bias,
    addBiasKv: recipe.addBiasKv,
    addZeroAttn: recipe.addZeroAttn,
    batchFirst: order === "batchFirst",
    dropout: recipe.dropout,
    ...(recipe.kdim === null ? {} : { kdim }),
    ...(recipe.vdim === null ? {} : { vdim }),
    ...(numKvHeads === numHeads ? {} : { numKvHeads }),
    ...(rotary ? { rotary } : {}),
  };

  const deviation = (width: number): number => 1 / Math.sqrt(width);
  const state: Record<string, OracleTensor> = {};
  if (kdim === embedDim && vdim === embedDim) {
    state["in_proj_weight"] = draw([embedDim + 2 * keyWidth, embedDim], deviation(embedDim));
  } else {
    state["q_proj_weight"] = draw([embedDim, embedDim], deviation(embedDim));
    state["k_proj_weight"] = draw([keyWidth, kdim], deviation(kdim));
    state["v_proj_weight"] = draw([keyWidth, vdim], deviation(vdim));
  }
  state["out_proj.weight"] = draw([embedDim, embedDim], deviation(embedDim));
  if (recipe.bias) {
    state["in_proj_bias"] = draw([embedDim + 2 * keyWidth], 0.5);
    state["out_proj.bias"] = draw([embedDim], 0.5);
  }
  if (recipe.addBiasKv) {
    state["bias_k"] = draw([1, 1, keyWidth], 1);
    state["bias_v"] = draw([1, 1, keyWidth], 1);
  }

  const batches = order === "unbatched" ? 1 : batch;
  const shape = (rows: number, width: number): number[] =>
    order === "unbatched" ? [rows, width] : order === "batchFirst" ? [batches, rows, width] : [rows, batches, width];
  const drawMask = (kind: MaskKind, maskShape: number[]): OracleMask | undefined => {
    if (kind === "none") {
      return undefined;
    }
    const data = draw(maskShape, 1).data;
    const hidden = Array.from(data, () => uniform() < 0.3);
    return kind === "bool"
      ? { kind, shape: maskShape, data: Float32Array.from(hidden, Number) }
      : { kind, shape: maskShape, data: Float32Array.from(data, (x, n) => (hidden[n] ? -Infinity : x)) };
  };
  return {
    configuration: { ...constructorOptions, embedDim, numHeads, rotary: rotary || undefined, alibi: undefined },
    constructorOptions,
    state,
    inputs: [draw(shape(queries, embedDim), 1), draw(shape(keys, kdim), 1), draw(shape(keys, vdim), 1)],
    call: {
      keyPaddingMask: drawMask(recipe.padding, order === "unbatched" ? [keys] : [batches, keys]),
      attnMask: drawMask(recipe.mask, recipe.maskHeads ? [batches * numHeads, queries, keys] : [queries, keys]),
      isCausal: recipe.isCausal,
      averageAttnWeights: recipe.average,
      training: recipe.dropout > 0,
      seed: recipe.dataSeed,
    },
  };
}

const float32 = ({ data, shape }: OracleTensor): TensorData => ({ data: Float32Array.from(data), shape });

function mask(given: OracleMask | undefined): TensorData | undefined {
  if (given?.kind === "bool") {
    return { data: Uint8Array.from(given.data), shape: given.shape };
  }
  return given && float32(given);
}

interface Results {
  readonly output: StoredResult;
  readonly weights?: StoredResult;
}

function forward(
  { configuration, constructorOptions, state, inputs, call }: MultiheadCase,
  changes: { attnMask?: TensorData; needWeights?: boolean } = {},
): Results {
  const { embedDim, numHeads } = configuration;
  const module = new MultiheadAttention(embedDim, numHeads, constructorOptions);
  try {
    module.loadStateDict(Object.fromEntries(Object.entries(state).map(([name, tensor]) => [name, float32(tensor)])));
    if (!call.training) {
      module.eval();
    }
    return scope(() => {
      const { output, weights } = module.forward(float32(inputs[0]), float32(inputs[1]), float32(inputs[2]), {
        keyPaddingMask: mask(call.keyPaddingMask),
        attnMask: mask(call.attnMask),
        isCausal: call.isCausal,
        needWeights: true,
        averageAttnWeights: call.averageAttnWeights,
        seed: call.seed,
        ...changes,
      });
      return { output: storedResult(output), weights: weights && storedResult(weights) };
    });
  } finally {
    module.dispose();
  }
}

/** All numbers are of the order of 1. */
function expectClose(name: string, actual: StoredResult | undefined, expected: OracleTensor): void {
  expect(actual?.shape, name).toEqual(expected.shape);
  actual?.values.forEach((x, n) => {
    const y = expected.data[n];
    if (!(Math.abs(x - y) <= 5e-6 + 5e-6 * Math.abs(y))) {
      throw new Error(`${name}[${n}] of [${expected.shape}] is ${x}, expected ${y}`);
    }
  });
}

function forAll(numRuns: number, holds: (recipe: Recipe, attention: MultiheadCase) => void): void {
  fc.assert(
    fc.property(recipes, (recipe) => holds(recipe, materialize(recipe))),
    { seed: SEED, numRuns },
  );
}

/** [n, B, width] of [B, n, width]. */
function batchSecond({ data, shape }: OracleTensor): OracleTensor {
  const [batch, rows, width] = shape;
  const exchanged = Float32Array.from(data);
  for (let b = 0; b < batch; b++) {
    for (let row = 0; row < rows; row++) {
      for (let c = 0; c < width; c++) {
        exchanged[(row * batch + b) * width + c] = data[(b * rows + row) * width + c];
      }
    }
  }
  return { data: exchanged, shape: [rows, batch, width] };
}

describe("multi-head attention properties", () => {
  forEachArithmetic(() => {
    it("agrees with the oracle over all options", () => {
      forAll(250, (_, attention) => {
        const expected = multiheadAttention(
          attention.configuration,
          attention.state satisfies MultiheadState,
          ...attention.inputs,
          attention.call,
        );
        const actual = forward(attention);
        expectClose("output", actual.output, expected.output);
        expectClose("weights", actual.weights, expected.weights);
      });
    });

    it("gives the same bits whether the batch comes first or second, and with or without weights", () => {
      forAll(60, (recipe) => {
        const first = materialize({ ...recipe, order: "batchFirst" });
        const second: MultiheadCase = {
          ...first,
          constructorOptions: { ...first.constructorOptions, batchFirst: false },
          inputs: [batchSecond(first.inputs[0]), batchSecond(first.inputs[1]), batchSecond(first.inputs[2])],
        };
        const [expected, actual] = [forward(first), forward(second)];
        const exchanged = batchSecond({ data: expected.output.values, shape: expected.output.shape });
        expect(actual.output.shape).toEqual(exchanged.shape);
        expect(Array.from(actual.output.values)).toEqual(Array.from(exchanged.data));
        expect(actual.weights).toEqual(expected.weights);
        const alone = forward(first, { needWeights: false });
        expect(alone.output).toEqual(expected.output);
        expect(alone.weights).toBeUndefined();
      });
    });

    it("gives unbatched inputs the bits of a batch of one", () => {
      forAll(40, (recipe) => {
        const flat = materialize({ ...recipe, order: "unbatched" });
        const raise = ({ data, shape }: OracleTensor): OracleTensor => ({ data, shape: [1, ...shape] });
        const { keyPaddingMask } = flat.call;
        const batched = forward({
          ...flat,
          constructorOptions: { ...flat.constructorOptions, batchFirst: true },
          inputs: [raise(flat.inputs[0]), raise(flat.inputs[1]), raise(flat.inputs[2])],
          call: { ...flat.call, keyPaddingMask: keyPaddingMask && { ...keyPaddingMask, ...raise(keyPaddingMask) } },
        });
        const unbatched = forward(flat);
        expect(unbatched.output.bits).toEqual(batched.output.bits);
        expect(unbatched.weights?.bits).toEqual(batched.weights?.bits);
        expect(batched.weights?.shape).toEqual([1, ...(unbatched.weights?.shape ?? [])]);
      });
    });

    it("gives a row that sees nothing weights of 0 and the bias of out_proj", () => {
      forAll(40, (recipe) => {
        const attention = materialize({ ...recipe, mask: "bool", bias: true, addBiasKv: false, addZeroAttn: false });
        const hideAll = {
          ...attention.call.attnMask!,
          data: new Float32Array(attention.call.attnMask!.data.length).fill(1),
        };
        const { output, weights } = forward({ ...attention, call: { ...attention.call, attnMask: hideAll } });
        const bias = attention.state["out_proj.bias"].data;
        expect(weights!.values.every((w) => w === 0)).toBe(true);
        expect(output.values.every((x, n) => x === bias[n % bias.length])).toBe(true);
      });
    });

    it("takes true in a mask for −Infinity", () => {
      forAll(40, (recipe) => {
        const attention = materialize({ ...recipe, mask: "bool" });
        const attnMask = attention.call.attnMask!;
        const added = Float32Array.from(attnMask.data, (hidden) => (hidden ? -Infinity : 0));
        const asFloats = forward(attention, { attnMask: { data: added, shape: attnMask.shape } });
        expect(asFloats).toEqual(forward(attention));
      });
    });

    it.each([
      ["attnMask", { attnMask: multiheadExample.attnMask }],
      ["isCausal", { isCausal: true }],
    ])(`${multiheadExample.name}, with %s`, (_, call) => {
      const { embedDim, numHeads, constructorOptions, state, input } = multiheadExample;
      const configuration = { embedDim, numHeads, ...constructorOptions };
      const inputs = [input, input, input] as const;
      const { output, weights } = forward({ configuration, constructorOptions, state, inputs, call });
      expectClose("output", output, { data: multiheadExample.output, shape: [2, 1, 1] });
      expectClose("weights", weights, { data: multiheadExample.weights, shape: [1, 2, 4] });
    });
  });
});
