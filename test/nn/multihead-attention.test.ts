/** MultiheadAttention: against the float64 oracle over random mixtures of options, its state, its errors, its memory. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  AttentionError,
  type AttentionForwardOptions,
  type AttentionForwardResult,
  type ErrorCode,
  type IndicesLike,
  init,
  linear,
  loadSafetensors,
  manualSeed,
  memoryUsage,
  MultiheadAttention,
  type MultiheadAttentionOptions,
  rand,
  type RopeScaling,
  rotaryEmbedding,
  saveSafetensors,
  scaledDotProductAttention,
  scope,
  SelfAttention,
  type StateDictLike,
  Tensor,
  type TensorData,
} from "../../ts/entry/default.js";
import { forEachArithmetic } from "../support/arithmetics.js";
import { uniformGenerator } from "../cases/arbitraries.js";
import { packageTensor, storedResult } from "../cases/attention-call.js";
import { multiheadExample } from "../cases/worked-examples.js";
import { expectThrows } from "../support/expect-error.js";
import type { OracleMask, OracleTensor } from "../oracle/attention.js";
import { type FloatType, roundTo } from "../oracle/half.js";
import { multiheadAttention, type OraclePositions } from "../oracle/multihead-attention.js";

/** Runs are the same every time; another seed by hand tries others. */
const SEED = Number(process.env["PROPERTY_SEED"] ?? 23);

type MaskDType = "bool" | FloatType;

interface Rotary {
  readonly base: number;
  readonly ropeScaling?: RopeScaling;
  readonly interleaved: boolean;
  readonly rotaryDim: number;
}

/** What fast-check draws: sizes, choices, and a seed for the numbers. */
interface Recipe {
  readonly keyHeads: number;
  readonly group: number;
  readonly headDim: number;
  /** null: unbatched. */
  readonly batch: number | null;
  readonly queries: number;
  readonly keys: number;
  readonly kdim: number | null;
  readonly vdim: number | null;
  readonly bias: boolean;
  readonly addBiasKv: boolean;
  readonly addZeroAttn: boolean;
  readonly batchFirst: boolean;
  readonly padding: MaskDType | null;
  readonly mask: { readonly dtype: MaskDType; readonly hasHeads: boolean } | null;
  /** Share of masked elements. */
  readonly masked: number;
  readonly isCausal: boolean;
  readonly isTraining: boolean;
  readonly dropout: number;
  readonly seed: number;
  readonly needWeights: boolean;
  readonly averageAttnWeights: boolean;
  /** Another width than that of the heads together. */
  readonly embedDim: number | null;
  /** Key lengths are drawn. */
  readonly hasKeyLengths: boolean;
  /** Positions of queries and keys, with `rotary`: none, the first one's, all of them. */
  readonly positions: readonly ["none" | "first" | "ids", "none" | "first" | "ids"];
  /** rotaryDim is a wish: no larger than the head, and not 0 where that is odd. */
  readonly rotary: Rotary | null;
  /** Not with extra keys. Drawn slopes may be negative. */
  readonly alibi: "none" | "standard" | "drawn";
  readonly dtypes: readonly [FloatType, FloatType, FloatType];
  /** Hand over tensors instead of `{ data, shape }`. */
  readonly asTensors: boolean;
  readonly dataSeed: number;
}

const lengths = fc.oneof(
  { weight: 5, arbitrary: fc.integer({ min: 1, max: 9 }) },
  { weight: 2, arbitrary: fc.constantFrom(13, 16, 17, 33, 65) },
  { weight: 1, arbitrary: fc.constant(0) },
);
const nullOr = <T>(arbitrary: fc.Arbitrary<T>): fc.Arbitrary<T | null> => fc.oneof(fc.constant(null), arbitrary);
const floatTypes = fc.constantFrom<FloatType[]>("float32", "float32", "float32", "float16", "bfloat16");
const maskTypes = fc.constantFrom<MaskDType[]>("bool", "bool", "float32", "float32", "float16", "bfloat16");

const recipes: fc.Arbitrary<Recipe> = fc.record({
  keyHeads: fc.integer({ min: 1, max: 3 }),
  group: fc.constantFrom(1, 1, 2, 3),
  headDim: fc.constantFrom(1, 2, 3, 4, 6, 8, 10, 16),
  batch: fc.constantFrom(null, 0, 1, 1, 2, 2, 2, 3),
  queries: lengths,
  keys: lengths,
  kdim: nullOr(fc.integer({ min: 1, max: 20 })),
  vdim: nullOr(fc.integer({ min: 1, max: 20 })),
  bias: fc.boolean(),
  addBiasKv: fc.boolean(),
  addZeroAttn: fc.boolean(),
  batchFirst: fc.boolean(),
  padding: nullOr(maskTypes),
  mask: nullOr(fc.record({ dtype: maskTypes, hasHeads: fc.boolean() })),
  masked: fc.constantFrom(0, 0.1, 0.5, 0.9, 1),
  isCausal: fc.boolean(),
  isTraining: fc.boolean(),
  dropout: fc.constantFrom(0, 0.1, 0.5, 1),
  seed: fc.nat(),
  needWeights: fc.boolean(),
  averageAttnWeights: fc.boolean(),
  embedDim: fc.oneof(fc.constant(null), fc.integer({ min: 1, max: 20 })),
  hasKeyLengths: fc.boolean(),
  positions: fc.tuple(fc.constantFrom("none", "first", "ids"), fc.constantFrom("none", "first", "ids")),
  rotary: nullOr(
    fc.record({
      base: fc.constantFrom(10000, 100),
      ropeScaling: fc.constantFrom<(RopeScaling | undefined)[]>(
        undefined,
        undefined,
        { ropeType: "dynamic", factor: 2, maxPositionEmbeddings: 3 },
        { ropeType: "yarn", factor: 4, originalMaxPositionEmbeddings: 64 },
      ),
      interleaved: fc.boolean(),
      rotaryDim: fc.constantFrom(0, 0, 2, 4),
    }),
  ),
  alibi: fc.constantFrom("none", "none", "standard", "drawn"),
  dtypes: fc.oneof(
    floatTypes.map((dtype) => [dtype, dtype, dtype] as const),
    fc.tuple(floatTypes, floatTypes, floatTypes),
  ),
  asTensors: fc.boolean(),
  dataSeed: fc.nat(),
});

/** A call as the package and the oracle take it. */
interface Materialized {
  readonly embedDim: number;
  readonly numHeads: number;
  readonly options: Omit<MultiheadAttentionOptions, "rotary" | "alibi"> & {
    readonly rotary?: Rotary;
    readonly alibi?: true | number[];
  };
  readonly inputs: readonly { readonly oracle: OracleTensor; readonly dtype: FloatType }[];
  readonly keyPaddingMask?: OracleMask & { readonly dtype: MaskDType };
  readonly attnMask?: OracleMask & { readonly dtype: MaskDType };
  readonly keyLengths?: number[];
  readonly positionIds?: OraclePositions;
  readonly keyPositionIds?: OraclePositions;
  /** A number between -1 and 1. */
  readonly draw: () => number;
}

function fittingRotary({ rotary, headDim }: Recipe): Rotary | undefined {
  if (rotary === null || headDim === 1) return undefined;
  const whole = headDim - (headDim % 2);
  const rotaryDim = Math.min(rotary.rotaryDim, whole);
  return { ...rotary, rotaryDim: rotaryDim === 0 && headDim % 2 !== 0 ? whole : rotaryDim };
}

function materialize(recipe: Recipe): Materialized {
  const { keyHeads, group, headDim, batch, queries, keys, batchFirst, masked } = recipe;
  const uniform = uniformGenerator(recipe.dataSeed);
  const draw = (): number => 2 * uniform() - 1;
  const numHeads = keyHeads * group;
  const embedDim = recipe.embedDim ?? numHeads * headDim;
  const [kdim, vdim] = [recipe.kdim ?? embedDim, recipe.vdim ?? embedDim];
  const fill = (dtype: FloatType, shape: number[], next: () => number): OracleTensor => ({
    data: Float64Array.from({ length: shape.reduce((product, size) => product * size, 1) }, () =>
      roundTo(dtype, next()),
    ),
    shape,
  });
  const sequence = (dtype: FloatType, length: number, width: number) => {
    const shape = batch === null ? [length, width] : batchFirst ? [batch, length, width] : [length, batch, width];
    return { oracle: fill(dtype, shape, () => 2 * draw()), dtype };
  };
  const mask = (dtype: MaskDType, shape: number[]): OracleMask & { dtype: MaskDType } => {
    const isHidden = (): boolean => uniform() < masked;
    return dtype === "bool"
      ? { ...fill("float32", shape, () => Number(isHidden())), kind: "bool", dtype }
      : { ...fill(dtype, shape, () => (isHidden() ? -Infinity : 2 * draw())), kind: "float", dtype };
  };
  const integer = (end: number): number => Math.floor(uniform() * end);
  const batches = Array.from({ length: batch ?? 1 });
  const rotary = fittingRotary(recipe);
  const positions = (kind: (typeof recipe.positions)[0], length: number): OraclePositions | undefined => {
    if (rotary === undefined || kind === "none") return undefined;
    if (kind === "first") return integer(50);
    return batches.map(() => Array.from({ length }, () => integer(50)));
  };
  const slopes = recipe.alibi === "standard" ? true : Array.from({ length: numHeads }, draw);
  const hasAlibi = recipe.alibi !== "none" && !recipe.addBiasKv && !recipe.addZeroAttn;
  const planes = recipe.mask?.hasHeads ? [(batch ?? 1) * numHeads] : [];
  return {
    embedDim,
    numHeads,
    options: {
      bias: recipe.bias,
      addBiasKv: recipe.addBiasKv,
      addZeroAttn: recipe.addZeroAttn,
      kdim: recipe.kdim ?? undefined,
      vdim: recipe.vdim ?? undefined,
      batchFirst,
      dropout: recipe.dropout,
      numKvHeads: group === 1 ? undefined : keyHeads,
      headDim: recipe.embedDim === null ? undefined : headDim,
      rotary,
      alibi: hasAlibi ? slopes : undefined,
    },
    inputs: [
      sequence(recipe.dtypes[0], queries, embedDim),
      sequence(recipe.dtypes[1], keys, kdim),
      sequence(recipe.dtypes[2], keys, vdim),
    ],
    keyPaddingMask: recipe.padding === null ? undefined : mask(recipe.padding, batch === null ? [keys] : [batch, keys]),
    attnMask: recipe.mask === null ? undefined : mask(recipe.mask.dtype, [...planes, queries, keys]),
    keyLengths: recipe.hasKeyLengths ? batches.map(() => integer(keys + 1)) : undefined,
    positionIds: positions(recipe.positions[0], queries),
    // By default those of the queries, which fit where both are as many.
    keyPositionIds:
      recipe.positions[1] === "none" && recipe.positions[0] === "ids" && queries !== keys
        ? positions("ids", keys)
        : positions(recipe.positions[1], keys),
    draw,
  };
}

/** Random parameters in the shapes of the module's, all of them other than 0. */
function randomState(attention: MultiheadAttention, draw: () => number): Record<string, TensorData & OracleTensor> {
  return Object.fromEntries(
    Object.entries(attention.stateDict()).map(([name, { shape }]) => {
      const bound = shape.length === 2 ? 2 / Math.sqrt(shape[1]) : 0.5;
      const count = shape.reduce((product, size) => product * size, 1);
      return [name, { data: Float32Array.from({ length: count }, () => bound * draw()), shape }];
    }),
  );
}

/** Nested arrays, but for what these can't say: no batches of so many rows. */
const packagePositions = (positions: OraclePositions | undefined, length: number): IndicesLike | number | undefined =>
  Array.isArray(positions) && positions.length === 0 ? { data: new Int32Array(0), shape: [0, length] } : positions;

/** Every element is the reference within a tolerance, rounded to the dtype; NaN nowhere. */
function expectNear(name: string, actual: Tensor, expected: OracleTensor, dtype: FloatType): void {
  expect(actual.shape, name).toEqual(expected.shape);
  expect(actual.dtype, name).toBe(dtype);
  const { values } = storedResult(actual);
  for (let n = 0; n < values.length; n++) {
    const reference = expected.data[n];
    const tolerance = 1e-5 + 1e-5 * Math.abs(reference);
    const low = roundTo(dtype, reference - tolerance);
    const high = roundTo(dtype, reference + tolerance);
    if (!(values[n] >= low && values[n] <= high)) {
      throw new Error(`${name}[${n}] is ${values[n]}, expected ${reference} ± ${tolerance} as ${dtype}`);
    }
  }
}

function bitsOf({ output, weights }: AttentionForwardResult): readonly unknown[] {
  return [storedResult(output), weights && storedResult(weights)];
}

/** A self-attention module of width 8 with 2 heads, and an input `[2, 5, 8]`. */
function small(options: MultiheadAttentionOptions = {}): { attention: MultiheadAttention; x: TensorData } {
  const draw = uniformGenerator(7);
  return {
    attention: new MultiheadAttention(8, 2, { batchFirst: true, ...options }),
    x: { data: Float32Array.from({ length: 80 }, () => 2 * draw() - 1), shape: [2, 5, 8] },
  };
}

/** Runs it with a small module, and requires that all memory is given back. */
function withSmall(
  options: MultiheadAttentionOptions,
  test: (attention: MultiheadAttention, x: TensorData) => void,
): void {
  const { bytesInUse } = memoryUsage();
  const { attention, x } = small(options);
  try {
    scope(() => test(attention, x));
  } finally {
    attention.dispose();
  }
  expect(memoryUsage().bytesInUse).toBe(bytesInUse);
}

describe("MultiheadAttention", () => {
  forEachArithmetic(() => {
    const { embedDim, numHeads, constructorOptions, state, input, attnMask } = multiheadExample;
    it.each<[string, AttentionForwardOptions]>([
      ["with attnMask", { attnMask: packageTensor({ ...attnMask, dtype: "bool" }) }],
      ["with isCausal", { isCausal: true }],
      ["with both", { attnMask: packageTensor({ ...attnMask, dtype: "bool" }), isCausal: true }],
    ])(`${multiheadExample.name} %s`, (_, options) => {
      const attention = new MultiheadAttention(embedDim, numHeads, constructorOptions);
      const float32 = (tensor: OracleTensor): TensorData => packageTensor({ ...tensor, dtype: "float32" });
      attention.loadStateDict(Object.fromEntries(Object.entries(state).map(([name, value]) => [name, float32(value)])));
      const x = float32(input);
      const { output, weights } = attention.forward(x, x, x, { ...options, needWeights: true });
      expect(output.shape).toEqual([2, 1, 1]);
      expect(weights?.shape).toEqual([1, 2, 4]);
      multiheadExample.output.forEach((value, n) => expect(output.toArray()[n]).toBeCloseTo(value, 6));
      multiheadExample.weights.forEach((value, n) => expect(weights?.toArray()[n]).toBeCloseTo(value, 6));
      [attention, output, weights].forEach((owner) => owner?.dispose());
    });

    it("agrees with the oracle over random mixtures of options, and gives its memory back", () => {
      const { bytesInUse } = memoryUsage();
      const agrees = (recipe: Recipe): void => {
        const call = materialize(recipe);
        const { keyPaddingMask, attnMask, inputs, keyLengths, positionIds, keyPositionIds } = call;
        const attention = new MultiheadAttention(call.embedDim, call.numHeads, call.options);
        attention.train(recipe.isTraining);
        const state = randomState(attention, call.draw);
        attention.loadStateDict(state);
        const [query, key, value] = inputs.map(({ oracle, dtype }) => packageTensor({ ...oracle, dtype }));
        const masks = {
          keyPaddingMask: keyPaddingMask && packageTensor(keyPaddingMask),
          attnMask: attnMask && packageTensor(attnMask),
        };
        const { isCausal, seed, needWeights, averageAttnWeights } = recipe;
        const result = scope(() => {
          const given = <T extends TensorData | undefined>(data: T) =>
            recipe.asTensors && data ? Tensor.from(data) : data;
          return attention.forward(given(query), given(key), given(value), {
            keyPaddingMask: given(masks.keyPaddingMask),
            attnMask: given(masks.attnMask),
            ...{ isCausal, seed, needWeights, averageAttnWeights, keyLengths },
            positionIds: packagePositions(positionIds, recipe.queries),
            keyPositionIds: packagePositions(keyPositionIds, recipe.keys),
          });
        });
        const [q, k, v] = inputs.map(({ oracle }) => oracle);
        const expected = multiheadAttention(
          { ...call.options, embedDim: call.embedDim, numHeads: call.numHeads },
          state,
          q,
          k,
          v,
          {
            ...{ keyPaddingMask, attnMask, isCausal, averageAttnWeights, training: recipe.isTraining, seed },
            ...{ keyLengths, positionIds, keyPositionIds: keyPositionIds ?? positionIds },
          },
        );
        expectNear("output", result.output, expected.output, recipe.dtypes[0]);
        expect(result.weights !== undefined).toBe(needWeights);
        if (result.weights) expectNear("weights", result.weights, expected.weights, recipe.dtypes[0]);
        [attention, result.output, result.weights].forEach((owner) => owner?.dispose());
        expect(memoryUsage().bytesInUse).toBe(bytesInUse);
      };
      fc.assert(fc.property(recipes, agrees), { seed: SEED, numRuns: 600 });
    });

    it("gives every order of axes the same bits", () => {
      const compute = (batchFirst: boolean, x: TensorData): number[] =>
        scope(() => {
          manualSeed(3);
          const attention = new MultiheadAttention(8, 2, { batchFirst, addBiasKv: true });
          const { output, weights } = attention.forward(x, x, x, { needWeights: true });
          attention.dispose();
          expect(output.shape).toEqual(x.shape);
          expect(weights?.shape).toEqual([2, 5, 6]);
          return [...output.toArray(), ...(weights?.toArray() ?? [])];
        });
      const { x } = small();
      const data = x.data as Float32Array;
      const swapped = Float32Array.from(
        data,
        (_, n) => data[((Math.floor(n / 8) % 2) * 5 + Math.floor(n / 16)) * 8 + (n % 8)],
      );
      const expected = compute(true, x);
      const actual = compute(false, { data: swapped, shape: [5, 2, 8] });
      const restored = data.map((_, n) => actual[((Math.floor(n / 8) % 5) * 2 + Math.floor(n / 40)) * 8 + (n % 8)]);
      expect([...restored]).toEqual(expected.slice(0, 80));
      expect(actual.slice(80)).toEqual(expected.slice(80));
    });

    it("has heads whose size is their own", () => {
      withSmall({ headDim: 3, numKvHeads: 1, addBiasKv: true }, (attention, x) => {
        expect(attention).toMatchObject({ embedDim: 8, numHeads: 2, numKvHeads: 1, headDim: 3 });
        const shapes = Object.entries(attention.stateDict()).map(([name, { shape }]) => [name, shape]);
        expect(shapes).toEqual([
          ["in_proj_weight", [12, 8]],
          ["in_proj_bias", [12]],
          ["bias_k", [1, 1, 3]],
          ["bias_v", [1, 1, 3]],
          ["out_proj.weight", [8, 6]],
          ["out_proj.bias", [8]],
        ]);
        expect(attention.forward(x, x, x).output.shape).toEqual([2, 5, 8]);
      });
      withSmall({ headDim: 5, kdim: 3, vdim: 4 }, (attention) => {
        const shapes = attention.parameters().map(({ shape }) => shape);
        expect(shapes.slice(0, 4)).toEqual([[10, 8], [10, 3], [10, 4], [30]]);
      });
      // 8 is no multiple of 3.
      const odd = new MultiheadAttention(8, 3, { headDim: 2 });
      expect(odd.out_proj.weight.shape).toEqual([8, 6]);
      odd.dispose();
    });

    it.each<[string, MultiheadAttentionOptions]>([
      ["the keys of the call alone", {}],
      ["extra keys, which stay visible", { addBiasKv: true, addZeroAttn: true }],
      ["the batch second", { addZeroAttn: true, batchFirst: false }],
    ])("hides the same by keyLengths as by keyPaddingMask: %s", (_, options) => {
      withSmall(options, (attention, { data }) => {
        const keyPaddingMask = [
          [false, false, true, true, true],
          [true, true, true, true, true],
        ];
        const x = { data, shape: options.batchFirst === false ? [5, 2, 8] : [2, 5, 8] };
        const all = { needWeights: true, averageAttnWeights: false } as const;
        for (const isCausal of [false, true]) {
          const byLengths = attention.forward(x, x, x, { ...all, isCausal, keyLengths: [2, 0] });
          expect(bitsOf(byLengths)).toEqual(bitsOf(attention.forward(x, x, x, { ...all, isCausal, keyPaddingMask })));
          const [first] = byLengths.weights.toNested() as number[][][][];
          expect(first[0][4].slice(0, 5).map((weight) => weight > 0)).toEqual([true, true, false, false, false]);
        }
      });
    });

    it("attends from some queries of a sequence with the bits of all of them, by their positions", () => {
      withSmall({ rotary: true }, (attention, x) => {
        const whole = attention.forward(x, x, x, { isCausal: true }).output.toArray();
        const data = x.data as Float32Array;
        const rows = Float32Array.from([...data.slice(24, 40), ...data.slice(64, 80)]);
        const chunk = { data: rows, shape: [2, 2, 8] };
        const attnMask = [
          [false, false, false, false, true],
          [false, false, false, false, false],
        ];
        for (const positionIds of [3, [3, 4], [[3, 4]], Int32Array.of(3, 4)]) {
          const { output } = attention.forward(chunk, x, x, { positionIds, keyPositionIds: 0, attnMask });
          expect([...output.toArray()]).toEqual([...whole.slice(24, 40), ...whole.slice(64, 80)]);
        }
        // Of both, what counts is how far apart they are; positions other than their own change the result.
        const elsewhere = attention.forward(chunk, x, x, { positionIds: 2, keyPositionIds: 0, attnMask }).output;
        expect([...elsewhere.toArray()]).not.toEqual([...whole.slice(24, 40), ...whole.slice(64, 80)]);
        const shifted = attention.forward(x, x, x, { isCausal: true, positionIds: 7 }).output.toArray();
        shifted.forEach((value, n) => expect(value).toBeCloseTo(whole[n], 5));
      });
    });

    describe("from", () => {
      const shapes = { in_proj_weight: [16, 8], in_proj_bias: [16], "out_proj.weight": [8, 8], "out_proj.bias": [8] };
      const draw = (seed: number): Record<string, Tensor> =>
        Object.fromEntries(Object.entries(shapes).map(([name, shape]) => [name, rand(shape, { seed })]));

      it("takes float32 tensors over, copies all else, and draws nothing", () => {
        const { bytesInUse } = memoryUsage();
        manualSeed(3);
        const next = scope(() => rand([2]).toArray());
        manualSeed(3);
        const dict = draw(1);
        const half = dict["in_proj_bias"].to("float16");
        const options = { numKvHeads: 1, batchFirst: true };
        const attention = MultiheadAttention.from({ ...dict, in_proj_bias: half }, 8, 2, options);
        expect(scope(() => rand([2]).toArray())).toEqual(next);
        expect(attention).toMatchObject({ embedDim: 8, numHeads: 2, numKvHeads: 1, batchFirst: true, training: true });
        expect(attention.in_proj_weight).toBe(dict["in_proj_weight"]);
        expect(attention.out_proj.weight).toBe(dict["out_proj.weight"]);
        expect(attention.in_proj_bias?.toNested()).toEqual(half.toNested());
        const other = new MultiheadAttention(8, 2, options);
        other.loadStateDict({ ...dict, in_proj_bias: half });
        const { attention: unused, x } = small();
        unused.dispose();
        scope(() => expect(bitsOf(attention.forward(x, x, x))).toEqual(bitsOf(other.forward(x, x, x))));
        attention.dispose();
        expect(Object.values(dict).map(({ disposed }) => disposed)).toEqual([true, false, true, true]);
        expect(half.disposed).toBe(false);
        for (const rest of [other, half, dict["in_proj_bias"]]) rest.dispose();
        expect(memoryUsage().bytesInUse).toBe(bytesInUse);
      });

      it("takes a prefix", () => {
        scope(() => {
          const dict = Object.fromEntries(Object.entries(draw(2)).map(([name, value]) => [`h.0.attn.${name}`, value]));
          const options = { numKvHeads: 1, prefix: "h.0.attn." };
          const attention = SelfAttention.from({ ...dict, "h.1": rand([1]) }, 8, 2, options);
          expect(attention).toMatchObject({ numKvHeads: 1, batchFirst: true });
          expect(attention).toBeInstanceOf(SelfAttention);
          expect(attention).not.toHaveProperty("prefix");
          attention.dispose();
        });
      });

      it.each<[string, unknown[], typeof TypeError | typeof RangeError, ErrorCode, RegExp]>([
        ["no dictionary", [undefined, 8, 2], TypeError, "ERR_INVALID_TYPE", /dict: expected an object or a Map/],
        [
          "other shapes",
          [shapes, 8, 2],
          RangeError,
          "ERR_SHAPE",
          /dict: in_proj_weight: expected shape \[24, 8\], got \[16, 8\]; in_proj_bias: expected shape \[24\], got/,
        ],
        [
          "missing and unknown names",
          [shapes, 8, 2, { numKvHeads: 1, addBiasKv: true, bias: false }],
          RangeError,
          "ERR_INVALID_VALUE",
          /dict: missing keys "bias_k", "bias_v"; unexpected keys "in_proj_bias", "out_proj\.bias"$/,
        ],
        ["wrong options", [shapes, 8, 2, { kdims: 1 }], TypeError, "ERR_INVALID_TYPE", /unknown option "kdims"/],
        ["wrong sizes", [shapes, 8, 3], RangeError, "ERR_INVALID_VALUE", /numHeads: expected a divisor/],
      ])("refuses %s, and takes nothing", (_, [dict, ...rest], kind, code, message) => {
        scope(() => {
          const tensors = dict === shapes ? draw(3) : dict;
          const { bytesInUse } = memoryUsage();
          const from = MultiheadAttention.from as (...given: unknown[]) => unknown;
          const error = expectThrows(() => from(tensors, ...rest), kind, code, message);
          expect((error as Error).message).toMatch(/^MultiheadAttention\.from: /);
          expect(memoryUsage().bytesInUse).toBe(bytesInUse);
          expect(Object.values(tensors ?? {}).some((tensor) => (tensor as Tensor).disposed)).toBe(false);
        });
      });
    });

    it("turns only rotaryDim elements of a head, as rotaryEmbedding does", () => {
      const rotary = { rotaryDim: 2, base: 50, interleaved: true };
      withSmall({ rotary, bias: false }, (attention, x) => {
        const { in_proj_weight, "out_proj.weight": outWeight } = attention.stateDict();
        const rows = (n: number): Tensor => Tensor.from(in_proj_weight.toArray().slice(64 * n, 64 * (n + 1)), [8, 8]);
        const [q, k, v] = [0, 1, 2].map((n) => linear(x, rows(n)).reshape([2, 5, 2, 4]));
        const turn = (heads: Tensor): Tensor => rotaryEmbedding(heads, { ...rotary, layout: "BLHD" });
        const { output } = scaledDotProductAttention(turn(q), turn(k), v, { layout: "BLHD" });
        const expected = linear(output.reshape([2, 5, 8]), outWeight);
        expect(attention.forward(x, x, x).output.toArray()).toEqual(expected.toArray());
      });
    });

    it("starts as PyTorch's does, from the package's generator", () => {
      const { bytesInUse } = memoryUsage();
      const create = (options: MultiheadAttentionOptions): Record<string, Float32Array> => {
        manualSeed(11);
        const attention = new MultiheadAttention(64, 4, options);
        expect(attention.training).toBe(true);
        const state = Object.entries(attention.stateDict()).map(([name, tensor]) => [name, tensor.toArray()] as const);
        attention.dispose();
        return Object.fromEntries(state) as Record<string, Float32Array>;
      };
      const expectUniform = (values: Float32Array, bound: number): void => {
        const largest = values.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
        expect(largest).toBeLessThanOrEqual(Math.fround(bound));
        expect(largest).toBeGreaterThan(0.98 * bound);
        const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
        expect(Math.abs(mean)).toBeLessThan((4 * bound) / Math.sqrt(3 * values.length));
      };
      const stacked = create({ addBiasKv: true });
      expectUniform(stacked["in_proj_weight"], Math.sqrt(6 / (64 + 3 * 64)));
      expectUniform(stacked["out_proj.weight"], 1 / 8);
      for (const name of ["in_proj_bias", "out_proj.bias"])
        expect(stacked[name].every((value) => value === 0)).toBe(true);
      for (const name of ["bias_k", "bias_v"]) {
        const deviation = Math.sqrt(stacked[name].reduce((sum, value) => sum + value * value, 0) / 64);
        expect(deviation * 8).toBeGreaterThan(0.6);
        expect(deviation * 8).toBeLessThan(1.4);
      }
      const apart = create({ kdim: 32, vdim: 200, numKvHeads: 2 });
      expectUniform(apart["q_proj_weight"], Math.sqrt(6 / (64 + 64)));
      expectUniform(apart["k_proj_weight"], Math.sqrt(6 / (32 + 32)));
      expectUniform(apart["v_proj_weight"], Math.sqrt(6 / (32 + 200)));
      expect(create({ addBiasKv: true })).toEqual(stacked);
      expect(memoryUsage().bytesInUse).toBe(bytesInUse);
    });

    it("gives fully masked rows weights of 0 and out_proj.bias", () => {
      withSmall({}, (attention, x) => {
        const bias = Float32Array.from({ length: 8 }, (_, n) => n + 0.5);
        attention.loadStateDict({ "out_proj.bias": { data: bias, shape: [8] } }, { strict: false });
        const keyPaddingMask = { data: new Uint8Array(10).fill(1, 5), shape: [2, 5] };
        const { output, weights } = attention.forward(x, x, x, { keyPaddingMask, needWeights: true });
        expect([...output.toArray().slice(40)]).toEqual(Array.from({ length: 5 }, () => [...bias]).flat());
        expect(
          weights
            ?.toArray()
            .slice(25)
            .every((weight) => weight === 0),
        ).toBe(true);
        expect(
          weights
            ?.toArray()
            .slice(0, 25)
            .every((weight) => weight > 0),
        ).toBe(true);
      });
    });

    describe("dropout", () => {
      const options: AttentionForwardOptions = { needWeights: true, averageAttnWeights: false };

      it("repeats from the call's seed, and leaves the package's generator alone", () => {
        withSmall({ dropout: 0.5 }, (attention, x) => {
          const first = attention.forward(x, x, x, { ...options, seed: 5 });
          manualSeed(1);
          const next = rand([4]).toArray();
          manualSeed(1);
          expect(bitsOf(attention.forward(x, x, x, { ...options, seed: 5n }))).toEqual(bitsOf(first));
          expect(bitsOf(attention.forward(x, x, x, { ...options, seed: 6 }))).not.toEqual(bitsOf(first));
          expect(rand([4]).toArray()).toEqual(next);
        });
      });

      it("draws its seed from the package's generator otherwise, once a call", () => {
        withSmall({ dropout: 0.5 }, (attention, x) => {
          const run = (): readonly unknown[] => bitsOf(attention.forward(x, x, x, options));
          manualSeed(1);
          const [first, second] = [run(), run()];
          expect(second).not.toEqual(first);
          manualSeed(1);
          expect([run(), run()]).toEqual([first, second]);
        });
      });

      it("returns the weights that it used", () => {
        withSmall({ dropout: 0.5 }, (attention, x) => {
          const { weights } = attention.forward(x, x, x, { ...options, seed: 5 });
          const dropped = weights!.toArray();
          const kept = attention.eval().forward(x, x, x, options).weights!.toArray();
          attention.train();
          expect(weights!.shape).toEqual([2, 2, 5, 5]);
          expect(dropped.filter((weight) => weight === 0).length).toBeGreaterThan(30);
          dropped.forEach((weight, n) =>
            expect(weight === 0 ? 0 : weight / 2).toBeCloseTo(weight === 0 ? 0 : kept[n], 6),
          );
          // The values that these weights mix, projected: the output.
          const { in_proj_weight, "out_proj.weight": outWeight } = attention.stateDict();
          const v = linear(x, Tensor.from(in_proj_weight.toArray().slice(128), [8, 8])).toArray();
          const mixed = new Float32Array(80);
          for (let n = 0; n < 80; n++) {
            const [b, i, h] = [Math.floor(n / 40), Math.floor(n / 8) % 5, Math.floor(n / 4) % 2];
            for (let j = 0; j < 5; j++) {
              mixed[n] += dropped[((b * 2 + h) * 5 + i) * 5 + j] * Number(v[(b * 5 + j) * 8 + (n % 8)]);
            }
          }
          const expected = linear({ data: mixed, shape: [2, 5, 8] }, outWeight).toArray();
          const actual = attention.forward(x, x, x, { seed: 5 }).output.toArray();
          actual.forEach((value, n) => expect(value).toBeCloseTo(expected[n], 5));
        });
      });

      it("is off in evaluation mode, and draws nothing there", () => {
        withSmall({ dropout: 0.5 }, (attention, x) => {
          expect(attention.eval()).toBe(attention);
          expect(attention.training).toBe(false);
          manualSeed(1);
          const next = rand([4]).toArray();
          manualSeed(1);
          const first = bitsOf(attention.forward(x, x, x, options));
          expect(bitsOf(attention.forward(x, x, x, { ...options, seed: 9 }))).toEqual(first);
          expect(rand([4]).toArray()).toEqual(next);
          expect(attention.train()).toBe(attention);
          expect(bitsOf(attention.forward(x, x, x, options))).not.toEqual(first);
        });
      });
    });

    describe("state dict", () => {
      const run = (attention: MultiheadAttention, x: TensorData): readonly unknown[] =>
        bitsOf(attention.forward(x, x, x, { needWeights: true }));

      it.each<[string, MultiheadAttentionOptions]>([
        ["stacked weights", { addBiasKv: true }],
        ["separate weights", { kdim: 8, vdim: 8, bias: false, numKvHeads: 1 }],
        ["narrow keys", { numKvHeads: 1 }],
      ])("goes through safetensors: %s", (_, options) => {
        withSmall(options, (attention, x) => {
          const other = small(options).attention;
          const before = run(other, x);
          expect(before).not.toEqual(run(attention, x));
          const file = saveSafetensors(attention.stateDict());
          expect(other.loadStateDict(loadSafetensors(file).tensors)).toEqual({ missingKeys: [], unexpectedKeys: [] });
          expect(run(other, x)).toEqual(run(attention, x));
          other.dispose();
        });
      });

      it("takes an object, tensors and 16-bit floats, which are widened", () => {
        withSmall({ kdim: 3, vdim: 5 }, (attention) => {
          const shapes = Object.entries(attention.stateDict()).map(([name, { shape }]) => [name, shape] as const);
          expect(shapes.map(([name]) => name)).toEqual([
            ...["q_proj_weight", "k_proj_weight", "v_proj_weight", "in_proj_bias", "out_proj.weight", "out_proj.bias"],
          ]);
          const half = Object.fromEntries(shapes.map(([name, shape]) => [name, rand(shape, { dtype: "bfloat16" })]));
          attention.loadStateDict(half);
          for (const [name, parameter] of Object.entries(attention.stateDict())) {
            expect(parameter.dtype).toBe("float32");
            expect(parameter.toArray()).toEqual(half[name].to("float32").toArray());
          }
          expect(attention.parameters()).toEqual(Object.values(attention.stateDict()));
        });
      });

      it("lets what is written into a parameter's view take effect with the next loadStateDict", () => {
        withSmall({}, (attention, x) => {
          const state = attention.stateDict();
          const before = run(attention, x);
          for (const parameter of attention.parameters()) parameter.view().fill(0);
          state["out_proj.bias"].view().fill(3);
          attention.loadStateDict(state);
          expect(run(attention, x)).not.toEqual(before);
          expect(attention.forward(x, x, x).output.toArray()).toEqual(new Float32Array(80).fill(3));
        });
      });

      const zeros = (...shape: number[]): TensorData => ({
        data: new Float32Array(shape.reduce((product, size) => product * size, 1)),
        shape,
      });
      const whole = {
        in_proj_weight: zeros(24, 8),
        in_proj_bias: zeros(24),
        "out_proj.weight": zeros(8, 8),
        "out_proj.bias": zeros(8),
      };
      const { in_proj_bias, ...partial } = whole;
      it.each<
        [
          string,
          unknown,
          typeof TypeError | typeof RangeError,
          "ERR_INVALID_VALUE" | "ERR_INVALID_TYPE" | "ERR_SHAPE",
          RegExp,
        ]
      >([
        [
          "a missing key",
          partial,
          RangeError,
          "ERR_INVALID_VALUE",
          /loadStateDict: dict: missing keys "in_proj_bias"$/,
        ],
        [
          "an unknown key",
          { ...whole, bias_k: zeros(1, 1, 8) },
          RangeError,
          "ERR_INVALID_VALUE",
          /dict: unexpected keys "bias_k"$/,
        ],
        [
          "everything at once",
          { ...partial, q: zeros(1), "out_proj.bias": zeros(9) },
          RangeError,
          "ERR_INVALID_VALUE",
          /missing keys "in_proj_bias"; unexpected keys "q"; out_proj\.bias: expected shape \[8\], got \[9\]$/,
        ],
        [
          "a wrong shape",
          { ...whole, in_proj_bias: zeros(1, 24) },
          RangeError,
          "ERR_SHAPE",
          /in_proj_bias: expected shape \[24\], got \[1, 24\]$/,
        ],
        [
          "integers",
          { ...whole, in_proj_bias: { data: new Int32Array(24), shape: [24] } },
          TypeError,
          "ERR_INVALID_TYPE",
          /in_proj_bias: expected float32.*int32/,
        ],
        [
          "no tensor",
          { ...whole, in_proj_bias: [1, 2] },
          TypeError,
          "ERR_INVALID_TYPE",
          /in_proj_bias: expected a Tensor/,
        ],
        ["an array", [whole], TypeError, "ERR_INVALID_TYPE", /dict: expected an object or a Map/],
        ["nothing", undefined, TypeError, "ERR_INVALID_TYPE", /dict: expected an object or a Map/],
        ["a Map with other names", new Map([[1, zeros(1)]]), TypeError, "ERR_INVALID_TYPE", /dict: expected names/],
      ])("changes nothing for %s", (_, dict, kind, code, message) => {
        withSmall({}, (attention, x) => {
          const before = run(attention, x);
          expectThrows(() => attention.loadStateDict(dict as StateDictLike), kind, code, message);
          expect(run(attention, x)).toEqual(before);
        });
      });

      it("tells a prefix that all names have", () => {
        withSmall({}, (attention) => {
          const under = (prefix: string, ...others: string[]): Record<string, TensorData> => ({
            ...Object.fromEntries(Object.entries(whole).map(([name, value]) => [prefix + name, value])),
            ...Object.fromEntries(others.map((name) => [name, zeros(1)])),
          });
          const refused = (dict: StateDictLike, message: RegExp): void => {
            expectThrows(() => attention.loadStateDict(dict), RangeError, "ERR_INVALID_VALUE", message);
          };
          const told =
            /loadStateDict: dict: every name begins with "encoder\.attn\."; give it as prefix; missing keys "in_/;
          refused(under("encoder.attn."), told);
          refused(under("encoder.attn.", "encoder.attn.bias_k"), told);
          refused(new Map([...Object.entries(under("encoder.attn.")), ["encoder.attn.x", zeros(1)]]), told);
          const most = Object.fromEntries(Object.entries(under("a.")).slice(0, 3));
          refused(most, /every name begins with "a\."; give it as prefix; missing keys/);
          // Names that have no prefix in common, or under which there is something else.
          const untold = /loadStateDict: dict: missing keys/;
          refused(under("encoder.attn.", "decoder.attn.in_proj_weight"), untold);
          refused({ "out_proj.weight": whole["out_proj.weight"], "out_proj.bias": whole["out_proj.bias"] }, untold);
          refused({ "encoder.weight": zeros(1) }, untold);
          refused({}, untold);
          expect(attention.loadStateDict(under("encoder.attn."), { strict: false })).toEqual({
            missingKeys: Object.keys(whole),
            unexpectedKeys: Object.keys(under("encoder.attn.")),
          });
        });
      });

      it("takes what fits without strict, but no wrong shape", () => {
        withSmall({}, (attention, x) => {
          const result = attention.loadStateDict({ in_proj_bias, other: zeros(1) }, { strict: false });
          expect(result).toEqual({
            missingKeys: ["in_proj_weight", "out_proj.weight", "out_proj.bias"],
            unexpectedKeys: ["other"],
          });
          const before = run(attention, x);
          const dict = { in_proj_bias: zeros(3) };
          expectThrows(() => attention.loadStateDict(dict, { strict: false }), RangeError, "ERR_SHAPE", /in_proj_bias/);
          expect(run(attention, x)).toEqual(before);
        });
      });
    });

    describe("errors", () => {
      const data = (count: number): Float32Array => new Float32Array(count);
      const construct = (...given: unknown[]) =>
        new MultiheadAttention(...(given as [number, number, MultiheadAttentionOptions]));
      it.each<[unknown[], typeof TypeError | typeof RangeError, RegExp]>([
        [["8", 2], TypeError, /MultiheadAttention: embedDim: expected an integer.* got "8"/],
        [[0, 1], RangeError, /embedDim: expected an integer from 1/],
        [[8.5, 1], RangeError, /embedDim/],
        [[8], TypeError, /numHeads: expected an integer.* got undefined/],
        [[8, 3], RangeError, /numHeads: expected a divisor of embedDim, 8, or headDim beside it, got 3/],
        [[8, 2, { headDim: 0 }], RangeError, /headDim: expected an integer from 1/],
        [[8, 3, { headDim: 2.5 }], RangeError, /headDim: .* got 2\.5/],
        [[8, 2, { headDim: 3, rotary: true }], RangeError, /rotary\.rotaryDim: .*\(this one is 3\), got 0/],
        [[8, 2, { headDim: 2 ** 30 }], RangeError, /out of memory/],
        [[8, 2, []], TypeError, /options: expected an object/],
        [[8, 2, { batch_first: true }], TypeError, /unknown option "batch_first"; did you mean batchFirst/],
        [[8, 2, { batchFirst: 1 }], TypeError, /batchFirst: expected a boolean, got 1/],
        [[8, 2, { bias: "no" }], TypeError, /bias: expected a boolean/],
        [[8, 2, { dropout: 1.5 }], RangeError, /dropout: expected a finite float32 number from 0 to 1, got 1.5/],
        [[8, 2, { dropout: NaN }], RangeError, /dropout/],
        [[8, 2, { kdim: 0 }], RangeError, /kdim: expected an integer from 1/],
        [[8, 2, { vdim: 2.5 }], RangeError, /vdim/],
        [[12, 6, { numKvHeads: 4 }], RangeError, /numKvHeads: expected a divisor of numHeads, 6, got 4/],
        [[8, 2, { numKvHeads: 4 }], RangeError, /numKvHeads/],
        [[8, 2, { rotary: 3 }], TypeError, /rotary: expected a boolean or/],
        [[8, 2, { rotary: { dim: 2 } }], TypeError, /rotary: options: unknown option "dim"/],
        [[8, 2, { rotary: { rotaryDim: 3 } }], RangeError, /rotary\.rotaryDim: expected an even number/],
        [[8, 2, { rotary: { rotaryDim: 6 } }], RangeError, /rotary\.rotaryDim/],
        [[6, 2, { rotary: true }], RangeError, /rotary\.rotaryDim: .*\(this one is 3\), got 0/],
        [[8, 2, { rotary: { base: 0.5 } }], RangeError, /rotary\.base/],
        [[8, 2, { rotary: { ropeScaling: "linear" } }], TypeError, /rotary\.ropeScaling: expected an object/],
        [
          [8, 2, { rotary: { ropeScaling: { ropeType: "linear", factor: 0.5 } } }],
          RangeError,
          /rotary\.ropeScaling\.factor/,
        ],
        [[2 ** 31 - 1, 1], RangeError, /out of memory/],
        [[20_000, 1], RangeError, /out of memory/],
      ])("refuses to construct %j", (given, kind, message) => {
        const { bytesInUse } = memoryUsage();
        let error: unknown;
        try {
          construct(...given);
        } catch (thrown) {
          error = thrown;
        }
        expect(error).toBeInstanceOf(kind);
        expect((error as Error).message).toMatch(message);
        expect((error as { code?: string }).code).toMatch(/^ERR_/);
        expect(memoryUsage().bytesInUse).toBe(bytesInUse);
      });

      type Given = [query?: unknown, key?: unknown, value?: unknown, options?: unknown];
      const x = { data: data(80), shape: [2, 5, 8] };
      const integers = { data: new Int32Array(10), shape: [2, 5] };
      it.each<[string, Given, typeof TypeError | typeof RangeError, RegExp]>([
        ["no query", [], TypeError, /MultiheadAttention\.forward: query: expected a Tensor or/],
        ["no value", [x, x], TypeError, /value: expected a Tensor or/],
        [
          "rank 4",
          [{ data: data(80), shape: [1, 2, 5, 8] }, x, x],
          RangeError,
          /query: expected shape \[L, 8\] or shape \[B, L, 8\], got \[1, 2, 5, 8\]/,
        ],
        ["a wrong width", [{ data: data(70), shape: [2, 5, 7] }, x, x], RangeError, /query: .* got \[2, 5, 7\]/],
        [
          "an integer query",
          [{ data: new Int32Array(80), shape: [2, 5, 8] }, x, x],
          TypeError,
          /query: expected float32.* got "int32"/,
        ],
        ["an integer key", [x, { data: new Int32Array(80), shape: [2, 5, 8] }, x], TypeError, /key: expected float32/],
        [
          "a key of another rank",
          [x, { data: data(40), shape: [5, 8] }, x],
          RangeError,
          /key: expected shape \[2, S, 8\], got \[5, 8\]/,
        ],
        [
          "a key of another batch",
          [x, { data: data(40), shape: [1, 5, 8] }, x],
          RangeError,
          /key: expected shape \[2, S, 8\], got \[1, 5, 8\]/,
        ],
        [
          "a value of another length",
          [x, x, { data: data(96), shape: [2, 6, 8] }],
          RangeError,
          /value: expected shape \[2, 5, 8\], got \[2, 6, 8\]/,
        ],
        [
          "a value of another width",
          [x, x, { data: data(90), shape: [2, 5, 9] }],
          RangeError,
          /value: expected shape \[2, 5, 8\]/,
        ],
        [
          "an unknown option",
          [x, x, x, { attn_mask: x }],
          TypeError,
          /unknown option "attn_mask"; did you mean attnMask/,
        ],
        [
          "an integer padding mask",
          [x, x, x, { keyPaddingMask: integers }],
          TypeError,
          /keyPaddingMask: expected bool, float32.* got "int32"/,
        ],
        [
          "a padding mask of another shape",
          [x, x, x, { keyPaddingMask: { data: data(6), shape: [2, 3] } }],
          RangeError,
          /keyPaddingMask: expected shape \[2, 5\], got \[2, 3\]/,
        ],
        [
          "an unbatched padding mask",
          [x, x, x, { keyPaddingMask: { data: data(5), shape: [5] } }],
          RangeError,
          /keyPaddingMask: expected shape \[2, 5\], got \[5\]/,
        ],
        [
          "an integer mask",
          [x, x, x, { attnMask: { data: new Int32Array(25), shape: [5, 5] } }],
          TypeError,
          /attnMask: expected bool/,
        ],
        [
          "a mask of another shape",
          [x, x, x, { attnMask: { data: data(50), shape: [2, 5, 5] } }],
          RangeError,
          /attnMask: expected shape \[5, 5\] or \[4, 5, 5\], got \[2, 5, 5\]/,
        ],
        [
          "lengths of another batch",
          [x, x, x, { keyLengths: [1] }],
          RangeError,
          /keyLengths: expected shape \[2\], one length a batch, got \[1\]/,
        ],
        ["a length beyond the keys", [x, x, x, { keyLengths: [5, 6] }], RangeError, /keyLengths\[1\]: .*to 5, got 6/],
        ["a fraction of a length", [x, x, x, { keyLengths: [5, 1.5] }], RangeError, /keyLengths\[1\]: .* got 1\.5/],
        ["one length", [x, x, x, { keyLengths: 3 }], TypeError, /keyLengths: expected an array of numbers/],
        ["positions of queries", [x, x, x, { positionIds: 3 }], TypeError, /positionIds: needs a module with rotary/],
        [
          "positions of keys",
          [x, x, x, { keyPositionIds: [1] }],
          TypeError,
          /keyPositionIds: needs a module with rotary/,
        ],
        ["no boolean", [x, x, x, { needWeights: 1 }], TypeError, /needWeights: expected a boolean, got 1/],
        ["averages of something", [x, x, x, { averageAttnWeights: {} }], TypeError, /averageAttnWeights/],
        ["a causal word", [x, x, x, { isCausal: "yes" }], TypeError, /isCausal/],
        ["a negative seed", [x, x, x, { seed: -1 }], RangeError, /seed: expected an integer from 0/],
        ["a seed of text", [x, x, x, { seed: "1" }], TypeError, /seed/],
      ])("refuses %s, and the next call works", (_, given, kind, message) => {
        withSmall({}, (attention) => {
          const before = bitsOf(attention.forward(x, x, x));
          let error: unknown;
          try {
            attention.forward(...(given as Parameters<MultiheadAttention["forward"]>));
          } catch (thrown) {
            error = thrown;
          }
          expect(error).toBeInstanceOf(kind);
          expect((error as Error).message).toMatch(message);
          expect((error as { code?: string }).code).toMatch(/^ERR_/);
          expect(bitsOf(attention.forward(x, x, x))).toEqual(before);
        });
      });

      it.each<[string, Given, typeof TypeError | typeof RangeError, RegExp]>([
        ["a negative one", [x, x, x, { positionIds: -1 }], RangeError, /: positionIds: expected an integer from 0 to/],
        [
          "one beyond int32",
          [x, x, x, { positionIds: 2 ** 31 - 4 }],
          RangeError,
          /: positionIds: .*to 2147483643, got/,
        ],
        [
          "of a number of rows",
          [x, x, x, { positionIds: [1, 2] }],
          RangeError,
          /: positionIds: .*\[5\], or.*got \[2\]/,
        ],
        [
          "of queries that are fewer than the keys, for both",
          [{ data: data(16), shape: [2, 1, 8] }, x, x, { positionIds: [3] }],
          RangeError,
          /: keyPositionIds: expected shape \[2, 5\] or \[1, 5\] or \[5\], or an integer, got \[1\]/,
        ],
        ["of text", [x, x, x, { keyPositionIds: "1" }], TypeError, /: keyPositionIds: expected an integer, or/],
      ])("refuses positions: %s", (_, given, kind, message) => {
        withSmall({ rotary: true }, (attention) => {
          let error: unknown;
          try {
            attention.forward(...(given as Parameters<MultiheadAttention["forward"]>));
          } catch (thrown) {
            error = thrown;
          }
          expect(error).toBeInstanceOf(kind);
          expect((error as { code?: string }).code).toMatch(/^ERR_/);
          expect((error as Error).message).toMatch(message);
          expect((error as Error).message).toMatch(/^MultiheadAttention\.forward: /);
        });
      });

      it("refuses everything after dispose", () => {
        withSmall({}, (attention, input) => {
          attention.dispose();
          attention.dispose();
          expect(attention.disposed).toBe(true);
          for (const use of [
            () => attention.forward(input, input, input),
            () => attention.stateDict(),
            () => attention.parameters(),
            () => attention.loadStateDict({}),
          ]) {
            expectThrows(use, TypeError, "ERR_DISPOSED", /this: the MultiheadAttention has been disposed/);
          }
        });
      });

      it("refuses disposed inputs and masks", () => {
        withSmall({}, (attention, input) => {
          const tensor = Tensor.from(input);
          tensor.dispose();
          expectThrows(() => attention.forward(input, tensor, input), TypeError, "ERR_DISPOSED", /key: the Tensor/);
          const options = { attnMask: tensor };
          expectThrows(() => attention.forward(input, input, input, options), TypeError, "ERR_DISPOSED", /attnMask: /);
        });
      });
    });

    it("owns its parameters: no scope frees them, and inputs stay the caller's", () => {
      const { bytesInUse } = memoryUsage();
      const { attention, input, result } = scope(() => {
        const created = small();
        const tensor = Tensor.from(created.x);
        return { ...created, input: tensor, result: created.attention.forward(tensor, tensor, tensor) };
      });
      expect(attention.parameters().map(({ disposed }) => disposed)).toEqual([false, false, false, false]);
      const inside = memoryUsage().bytesInUse;
      scope(() => void attention.forward(input, input, input, { needWeights: true }));
      expect(memoryUsage().bytesInUse).toBe(inside);
      expect([input.disposed, result.output.disposed]).toEqual([false, false]);
      [attention, input, result.output].forEach((owner) => owner.dispose());
      expect(memoryUsage().bytesInUse).toBe(bytesInUse);
    });

    it("makes no mask of all queries and keys for a padding mask or isCausal", () => {
      const length = 3000;
      const attention = new MultiheadAttention(4, 1, { batchFirst: true });
      const x = { data: new Float32Array(length * 4).fill(0.5), shape: [1, length, 4] };
      const peakOf = (options: AttentionForwardOptions): number => {
        const { bytesInUse } = memoryUsage();
        scope(() => void attention.forward(x, x, x, options));
        return memoryUsage().bytesPeak - bytesInUse;
      };
      const keyPaddingMask = { data: new Uint8Array(length).fill(1, 100), shape: [1, length] };
      expect(peakOf({ keyPaddingMask, isCausal: true })).toBeLessThan(length * length * 0.2);
      const attnMask = { data: new Uint8Array(length * length), shape: [length, length] };
      expect(peakOf({ keyPaddingMask, attnMask })).toBeGreaterThan(length * length);
      attention.dispose();
    });
  });

  it("runs out of memory without a leak, and goes on", async () => {
    const runtime = await init({ maximumMemory: 8 * 2 ** 20 });
    expectThrows(() => new MultiheadAttention(1024, 1), RangeError, "ERR_OUT_OF_MEMORY", /out of memory/);
    // The parameters fit, their packed form doesn't.
    const large = new MultiheadAttention(576, 1);
    const own = memoryUsage().bytesInUse;
    const row = { data: new Float32Array(576), shape: [1, 576] };
    expectThrows(() => large.forward(row, row, row), RangeError, "ERR_OUT_OF_MEMORY", /out of memory/);
    large.dropPackedWeights();
    expect(memoryUsage().bytesInUse).toBe(own);
    large.dispose();
    expect(memoryUsage().bytesInUse).toBe(0);
    const { attention, x } = small();
    const before = scope(() => bitsOf(attention.forward(x, x, x)));
    const { bytesInUse } = memoryUsage();
    const long = { data: new Float32Array(16_000).fill(1), shape: [1, 2000, 8] };
    expectThrows(
      () => attention.forward(long, long, long, { needWeights: true }),
      RangeError,
      "ERR_OUT_OF_MEMORY",
      /memory/,
    );
    const attnMask = { data: new Uint8Array(4_000_000), shape: [2000, 2000] };
    const keyPaddingMask = { data: new Float32Array(2000), shape: [1, 2000] };
    const masks = { attnMask, keyPaddingMask };
    expectThrows(() => attention.forward(long, long, long, masks), RangeError, "ERR_OUT_OF_MEMORY", /memory/);
    scope(() => expect(bitsOf(attention.forward(x, x, x))).toEqual(before));
    expect(memoryUsage().bytesInUse).toBe(bytesInUse);
    attention.dispose();
    runtime.dispose();
  });

  it("ends with its runtime", async () => {
    let runtime = await init();
    const { attention, x } = small();
    const { bytesInUse } = memoryUsage();
    expect(bytesInUse).toBeGreaterThan(0);
    runtime.dispose();
    expectThrows(
      () => new MultiheadAttention(8, 2),
      AttentionError,
      "ERR_NOT_INITIALIZED",
      /^MultiheadAttention: .*await init/,
    );
    runtime = await init();
    expectThrows(() => attention.forward(x, x, x), TypeError, "ERR_DISPOSED", /runtime that has been disposed/);
    attention.dispose();
    expect(memoryUsage().bytesInUse).toBe(0);
    runtime.dispose();
  });
});
