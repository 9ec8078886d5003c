/** rotaryEmbedding in every arrangement, with tables and without. */
import fc from "fast-check";
import {
  randn,
  type RopeScaling,
  rotaryEmbedding,
  type RotaryEmbeddingOptions,
  Tensor,
} from "../../../ts/entry/default.js";
import * as oracle from "../../oracle/rotary-embedding.js";
import * as frequencyOracle from "../../oracle/rotary-frequencies.js";
import type { GradientTrial } from "../gradient.js";
import { count, dataSeeds, floatTypes, given, type LayerOperand, randomOperand } from "../layer-operands.js";
import { floats, type OperationRecord, type Refusal, type Trial } from "../operation.js";

type Arrangement = "BHLD" | "BLHD" | "LBHD" | "packed" | "batch" | "matrix";
type Positions = "none" | "[B, L]" | "[1, L]" | "[L]" | "first";

const factor = fc.constantFrom(1, 1.5, 2, 8, 40);
const lengths = fc.constantFrom(1, 5, 64, 4096, 131072);
const ropeScalings: fc.Arbitrary<RopeScaling> = fc.oneof(
  fc.record({ ropeType: fc.constant("linear" as const), factor }),
  fc.record(
    {
      ropeType: fc.constant("dynamic" as const),
      factor,
      maxPositionEmbeddings: lengths,
      sequenceLength: fc.constantFrom(3, 100_000, 2 ** 31 - 1),
    },
    { requiredKeys: ["ropeType", "factor", "maxPositionEmbeddings"] },
  ),
  fc.record(
    {
      ropeType: fc.constant("yarn" as const),
      factor,
      originalMaxPositionEmbeddings: lengths,
      attentionFactor: fc.constantFrom(0.5, 1.25),
      betaFast: fc.constantFrom(8, 32, 64),
      betaSlow: fc.constantFrom(0.5, 1, 2),
      mscale: fc.constantFrom(0, 0.707, 1),
      mscaleAllDim: fc.constantFrom(0, 0.707, 1),
      truncate: fc.boolean(),
    },
    { requiredKeys: ["ropeType", "factor", "originalMaxPositionEmbeddings"] },
  ),
  fc.record({
    ropeType: fc.constant("llama3" as const),
    factor,
    lowFreqFactor: fc.constantFrom(0.5, 1, 2),
    highFreqFactor: fc.constantFrom(2.5, 4, 100),
    originalMaxPositionEmbeddings: lengths,
  }),
);

const recipes = fc.record({
  arrangement: fc.constantFrom<Arrangement>("BHLD", "BLHD", "LBHD", "packed", "batch", "matrix"),
  batch: fc.integer({ min: 0, max: 3 }),
  heads: fc.integer({ min: 1, max: 4 }),
  length: fc.integer({ min: 0, max: 9 }),
  headSize: fc.integer({ min: 2, max: 19 }),
  rotaryShare: fc.double({ min: 0, max: 1, noNaN: true }),
  interleaved: fc.boolean(),
  tables: fc.constantFrom("list", "a row each", "shared", "computed", "computed"),
  positions: fc.constantFrom<Positions>("none", "[B, L]", "[1, L]", "[L]", "first"),
  /** Where computed tables begin. */
  start: fc.constantFrom(0, 0, 5, 131_072, 10_000_000, 2 ** 31 - 32),
  base: fc.constantFrom(undefined, 500, 1e6),
  ropeScaling: fc.option(ropeScalings, { nil: undefined }),
  dtype: floatTypes,
  tableDType: floatTypes,
  isTensor: fc.boolean(),
  dataSeed: dataSeeds,
});

type Recipe = typeof recipes extends fc.Arbitrary<infer R> ? R : never;

const TABLE_ROWS = 23;
/** The first position that picks a row. */
const TABLE_START = 4;

interface Sizes {
  readonly batch: number;
  readonly heads: number;
  readonly length: number;
  readonly headSize: number;
}

function sizesOf({ arrangement, batch, heads, length, headSize }: Recipe): Sizes {
  if (arrangement === "matrix") return { batch: 1, heads: 1, length, headSize };
  return { batch, heads: arrangement === "batch" ? 1 : heads, length, headSize };
}

function shapeOf(arrangement: Arrangement, { batch, heads, length, headSize }: Sizes): number[] {
  switch (arrangement) {
    case "BHLD":
      return [batch, heads, length, headSize];
    case "BLHD":
      return [batch, length, heads, headSize];
    case "LBHD":
      return [length, batch, heads, headSize];
    case "packed":
      return [batch, length, heads * headSize];
    case "batch":
      return [batch, length, headSize];
    case "matrix":
      return [length, headSize];
  }
}

/** [columns, rows, width] from [rows, columns, width]. */
function exchangeAxes(values: Float64Array, rows: number, columns: number, width: number): Float64Array {
  return values.map((_, at) => {
    const column = Math.floor(at / (rows * width));
    const row = Math.floor(at / width) % rows;
    return values[(row * columns + column) * width + (at % width)];
  });
}

interface Problem {
  readonly input: LayerOperand;
  /** Made by the call itself, to whose scope its tensors belong. */
  readonly makeOptions: () => RotaryEmbeddingOptions;
  readonly turn: (values: Float64Array) => Float64Array;
  /** By the opposite angles. */
  readonly turnBack: (values: Float64Array) => Float64Array;
  /** How far off the results for these values may be, either way. */
  readonly tolerances: (values: Float64Array) => Float64Array;
}

function problemOf(recipe: Recipe): Problem {
  const { arrangement, interleaved, rotaryShare, dtype, tableDType, dataSeed, isTensor } = recipe;
  const sizes = sizesOf(recipe);
  const { batch, length, headSize } = sizes;
  const rotarySize = 2 * Math.max(1, Math.floor((rotaryShare * headSize) / 2));
  const pairs = rotarySize / 2;
  const input = randomOperand(dataSeed, dtype, shapeOf(arrangement, sizes));
  const isGiven = recipe.tables !== "computed";
  const isList = recipe.tables === "list" || !isGiven;
  const positions = isList ? recipe.positions : "none";
  const isRun = positions === "none" || positions === "first";
  const start = positions === "none" ? 0 : isGiven ? TABLE_START : recipe.start;
  const scattered = (at: number): number => (at * 7 + dataSeed) % (TABLE_ROWS - TABLE_START);
  // Of each row of each batch.
  const ids = Array.from({ length: batch * length }, (_, at) => {
    return start + (isRun ? at % length : scattered(positions === "[B, L]" ? at : at % length));
  });
  const largest = Math.max(0, ...ids);

  const tableShapes = {
    list: [TABLE_ROWS, pairs],
    "a row each": [batch, length, pairs],
    shared: [1, length, pairs],
    computed: [],
  };
  const frequencies = frequencyOracle.rotaryFrequencies(
    rotarySize,
    recipe.base ?? 10_000,
    recipe.ropeScaling,
    largest + 1,
  );
  const computed = frequencyOracle.rotaryTables(ids, frequencies);
  const [cosine, sine] = [1, 2].map((n) => randomOperand(dataSeed + n, tableDType, tableShapes[recipe.tables]));
  const tables = isGiven ? { cosine: cosine.values, sine: sine.values } : computed;
  const makeOptions = (): RotaryEmbeddingOptions => ({
    interleaved,
    rotaryDim: rotarySize === headSize ? undefined : rotarySize,
    ...(isGiven
      ? { cosine: given(cosine, isTensor), sine: given(sine, isTensor) }
      : { base: recipe.base, ropeScaling: recipe.ropeScaling }),
    ...((arrangement === "BLHD" || arrangement === "LBHD") && { layout: arrangement }),
    ...(arrangement === "packed" && { numHeads: sizes.heads }),
    positionIds: makePositions(),
  });
  const makePositions = (): RotaryEmbeddingOptions["positionIds"] => {
    if (positions === "none") return undefined;
    if (positions === "first") return start;
    if (positions === "[L]") return batch === 0 ? Array.from({ length }, () => 0) : ids.slice(0, length);
    const shape = [positions === "[1, L]" ? 1 : batch, length];
    const data = { data: Int32Array.from({ length: count(shape) }, (_, at) => ids[at] ?? 0), shape };
    return isTensor ? Tensor.from(data) : data;
  };

  const problem = { ...sizes, sequence: length, rotarySize, interleaved, headsFirst: arrangement === "BHLD" };
  const rows = recipe.tables === "list" || recipe.tables === "shared" ? ids : undefined;
  const width = sizes.heads * headSize;
  const run = (values: Float64Array, cos: Float64Array, sin: Float64Array): Float64Array => {
    if (arrangement !== "LBHD") return oracle.rotaryEmbedding(values, cos, sin, rows, problem);
    const batchFirst = exchangeAxes(values, length, batch, width);
    return exchangeAxes(oracle.rotaryEmbedding(batchFirst, cos, sin, rows, problem), batch, length, width);
  };
  // |cos·x| + |sin·y| comes out at the first of a pair with −|sin|, at the second with |sin|.
  const larger = (a: Float64Array, b: Float64Array): Float64Array =>
    a.map((x, at) => Math.max(Math.abs(x), Math.abs(b[at])));
  const negative = (values: Float64Array): Float64Array => values.map((x) => -x);
  const sums = (values: Float64Array, cos: Float64Array, sin: Float64Array): Float64Array => {
    const magnitudes = values.map(Math.abs);
    return larger(run(magnitudes, cos, sin), run(magnitudes, cos, negative(sin)));
  };
  const ones = new Float64Array(tables.cosine.length).fill(1);
  // Two products and a sum are rounded. Computed tables are rounded, and have the errors of two computations of the angle: a
  // few units of float64 for each position, more by the slope of the lines that YaRN and Llama 3.1 have between frequencies.
  const hasLine = /yarn|llama3/.test(recipe.ropeScaling?.ropeType ?? "");
  const tableError = frequencies.attentionFactor * (2 ** -24 + largest * 2 ** (hasLine ? -46 : -50));
  const tolerances = (values: Float64Array): Float64Array => {
    const products = sums(values, tables.cosine.map(Math.abs), tables.sine.map(Math.abs));
    const tableErrors = isGiven ? undefined : sums(values, ones, ones).map((sum) => sum * tableError);
    return products.map((sum, at) => 2 ** -23 * sum + (tableErrors?.[at] ?? 0));
  };
  return {
    input,
    makeOptions,
    turn: (values) => run(values, tables.cosine, tables.sine),
    turnBack: (values) => run(values, tables.cosine, negative(tables.sine)),
    tolerances,
  };
}

function trialOf(recipe: Recipe): Trial {
  const { input, makeOptions, turn, tolerances } = problemOf(recipe);
  const allowed = tolerances(input.values);
  return {
    run: () => rotaryEmbedding(given(input, recipe.isTensor), makeOptions()),
    dtype: input.dtype,
    shape: input.shape,
    expected: turn(input.values),
    tolerance: (index) => allowed[index],
  };
}

function gradientTrialOf(recipe: Recipe): GradientTrial {
  const { input, makeOptions, turn, turnBack, tolerances } = problemOf(recipe);
  return {
    operands: { input },
    run: (tensors) => rotaryEmbedding(tensors.input, makeOptions()),
    forward: (values) => turn(values.input),
    gradients: (dy) => ({ input: turnBack(dy) }),
    tolerance: (dy) => {
      const allowed = tolerances(dy);
      return (_, index) => allowed[index];
    },
  };
}

const x = floats(2, 4, 3, 8);
const table = floats(50, 4);
// prettier-ignore
const calls: readonly Refusal[] = [
  ["rank 1", () => rotaryEmbedding(floats(8)), RangeError, "ERR_SHAPE", /input: .*rank 2, 3 or 4, got \[8\]/],
  ["rank 5", () => rotaryEmbedding(floats(1, 2, 4, 3, 8)), RangeError, "ERR_SHAPE", /input: .*rank 2, 3 or 4/],
  ["integers", () => rotaryEmbedding({ data: new Int32Array(8), shape: [1, 8] }), TypeError, "ERR_INVALID_TYPE", /input: .*"int32"/],
  ["an odd head size", () => rotaryEmbedding(floats(2, 7)), RangeError, "ERR_SHAPE", /input: .*even head size.*got \[2, 7\]/],
  ["an odd rotaryDim", () => rotaryEmbedding(x, { rotaryDim: 3 }), RangeError, "ERR_INVALID_VALUE", /rotaryDim: .*even.*got 3/],
  ["a rotaryDim over D", () => rotaryEmbedding(x, { rotaryDim: 10 }), RangeError, "ERR_INVALID_VALUE", /rotaryDim: .*0 to 8, got 10/],
  ["heads that don't divide", () => rotaryEmbedding(floats(2, 3, 8), { numHeads: 3 }), RangeError, "ERR_SHAPE", /input: .*multiple of numHeads, 3/],
  ["other heads", () => rotaryEmbedding(x, { numHeads: 3 }), RangeError, "ERR_SHAPE", /input: .*3 heads, as numHeads says/],
  ["no heads", () => rotaryEmbedding(floats(2, 3, 8), { numHeads: 0 }), RangeError, "ERR_INVALID_VALUE", /numHeads: .*got 0/],
  ["heads of a matrix", () => rotaryEmbedding(floats(3, 8), { numHeads: 2 }), TypeError, "ERR_INVALID_TYPE", /numHeads: .*got 2/],
  ["BLHD for rank 3", () => rotaryEmbedding(floats(2, 3, 8), { layout: "BLHD" }), TypeError, "ERR_INVALID_TYPE", /layout: .*rank 3/],
  ["another layout", () => rotaryEmbedding(x, { layout: "HBLD" as never }), RangeError, "ERR_INVALID_VALUE", /layout: .*"HBLD"/],
  ["cosine alone", () => rotaryEmbedding(x, { cosine: table }), TypeError, "ERR_INVALID_TYPE", /cosine: needs sine/],
  ["sine alone", () => rotaryEmbedding(x, { sine: table }), TypeError, "ERR_INVALID_TYPE", /sine: needs cosine/],
  ["a base beside tables", () => rotaryEmbedding(x, { cosine: table, sine: table, base: 500 }), TypeError, "ERR_INVALID_TYPE", /base: excluded.*got 500/],
  ["a base below 1", () => rotaryEmbedding(x, { base: 0.5 }), RangeError, "ERR_INVALID_VALUE", /base: .*at least 1, got 0.5/],
  ["a scaling beside tables", () => rotaryEmbedding(x, { cosine: table, sine: table, ropeScaling: { ropeType: "linear", factor: 2 } }), TypeError, "ERR_INVALID_TYPE", /ropeScaling: excluded.*got \{ ropeType, factor \}/],
  ["a short table beside a first position", () => rotaryEmbedding(x, { cosine: floats(2, 4), sine: floats(2, 4), positionIds: 0 }), RangeError, "ERR_SHAPE", /cosine: .*\[rows, 4\] with at least 3 rows.*got \[2, 4\]/],
  ["a row for each batch of others", () => rotaryEmbedding(x, { cosine: floats(3, 3, 4), sine: floats(3, 3, 4) }), RangeError, "ERR_SHAPE", /cosine: .*\[2, 3, 4\] or \[1, 3, 4\], or \[rows, 4\] with at least 3 rows, got \[3, 3, 4\]/],
  ["a narrower table", () => rotaryEmbedding(x, { cosine: floats(50, 3), sine: floats(50, 3) }), RangeError, "ERR_SHAPE", /cosine: .*\[2, 3, 4\].*got \[50, 3\]/],
  ["a short table", () => rotaryEmbedding(x, { cosine: floats(2, 4), sine: floats(2, 4) }), RangeError, "ERR_SHAPE", /cosine: .*at least 3 rows, got \[2, 4\]/],
  ["a row each beside positions", () => rotaryEmbedding(x, { cosine: floats(2, 3, 4), sine: floats(2, 3, 4), positionIds: [0, 1, 2] }), RangeError, "ERR_SHAPE", /cosine: .*\[rows, 4\]/],
  ["another sine", () => rotaryEmbedding(x, { cosine: table, sine: floats(40, 4) }), RangeError, "ERR_SHAPE", /sine: .*\[50, 4\].*got \[40, 4\]/],
  ["integer tables", () => rotaryEmbedding(x, { cosine: { data: new Int32Array(12), shape: [3, 4] }, sine: table }), TypeError, "ERR_INVALID_TYPE", /cosine: .*"int32"/],
  ["positions without a row", () => rotaryEmbedding(x, { cosine: table, sine: table, positionIds: [0, 50, 1] }), RangeError, "ERR_INVALID_VALUE", /positionIds, element 1: .*0 to 49, got 50/],
  ["negative positions", () => rotaryEmbedding(x, { positionIds: [0, -1, 1] }), RangeError, "ERR_INVALID_VALUE", /positionIds, element 1: .*got -1/],
  ["fractional positions", () => rotaryEmbedding(x, { positionIds: [0, 0.5, 1] }), RangeError, "ERR_INVALID_VALUE", /positionIds, element 1: .*got 0.5/],
  ["float positions", () => rotaryEmbedding(x, { positionIds: floats(2, 3) }), TypeError, "ERR_INVALID_TYPE", /positionIds: .*int32.*"float32"/],
  ["a Float32Array of positions", () => rotaryEmbedding(x, { positionIds: new Float32Array(3) as never }), TypeError, "ERR_INVALID_TYPE", /positionIds: .*Float32Array/],
  ["too few positions", () => rotaryEmbedding(x, { positionIds: [0, 1] }), RangeError, "ERR_SHAPE", /positionIds: .*\[2, 3\] or \[1, 3\] or \[3\], or an integer, got \[2\]/],
  ["positions of fewer batches", () => rotaryEmbedding(floats(3, 4, 2, 8), { positionIds: { data: new Int32Array(4), shape: [2, 2] } }), RangeError, "ERR_SHAPE", /positionIds: .*\[3, 2\] or \[1, 2\] or \[2\], or an integer, got \[2, 2\]/],
  ["a negative first position", () => rotaryEmbedding(x, { positionIds: -1 }), RangeError, "ERR_INVALID_VALUE", /positionIds: expected an integer from 0 to 2147483645, got -1/],
  ["a fractional first position", () => rotaryEmbedding(x, { positionIds: 0.5 }), RangeError, "ERR_INVALID_VALUE", /positionIds: .*got 0.5/],
  ["a last position of 2^31", () => rotaryEmbedding(x, { positionIds: 2 ** 31 - 2 }), RangeError, "ERR_INVALID_VALUE", /positionIds: .*0 to 2147483645, got 2147483646/],
  ["a listed position of 2^31", () => rotaryEmbedding(x, { positionIds: [0, 1, 2 ** 31] }), RangeError, "ERR_INVALID_VALUE", /positionIds, element 2: .*0 to 2147483647, got 2147483648/],
  ["a last position without a row", () => rotaryEmbedding(x, { cosine: table, sine: table, positionIds: 48 }), RangeError, "ERR_INVALID_VALUE", /positionIds: .*0 to 47, got 48/],
  ["a position as text", () => rotaryEmbedding(x, { positionIds: "5" as never }), TypeError, "ERR_INVALID_TYPE", /positionIds: expected an integer, or an array of integers, a typed array of them, an int32 Tensor or \{ data, shape \}, got "5"$/],
  ["a number as interleaved", () => rotaryEmbedding(x, { interleaved: 1 as never }), TypeError, "ERR_INVALID_TYPE", /interleaved: .*got 1/],
  ["ONNX's name of an option", () => rotaryEmbedding(x, { position_ids: [0, 1, 2] } as never), TypeError, "ERR_INVALID_TYPE", /positionIds/],
];
const scaled = (ropeScaling: unknown, base?: number) => () =>
  rotaryEmbedding(x, { base, ropeScaling: ropeScaling as RopeScaling });
const yarn = { ropeType: "yarn", factor: 4, originalMaxPositionEmbeddings: 64 };
const llama3 = { ...yarn, ropeType: "llama3", lowFreqFactor: 1, highFreqFactor: 4 };
// prettier-ignore
const scalings: readonly Refusal[] = [
  ["a scaling by name", scaled("linear"), TypeError, "ERR_INVALID_TYPE", /ropeScaling: expected an object with a ropeType, got "linear"/],
  ["null as a scaling", scaled(null), TypeError, "ERR_INVALID_TYPE", /ropeScaling: .*got null/],
  ["no ropeType", scaled({ factor: 2 }), TypeError, "ERR_INVALID_TYPE", /ropeScaling\.ropeType: expected "linear" or "dynamic" or "yarn" or "llama3", got undefined/],
  ["another ropeType", scaled({ ropeType: "longrope" }), RangeError, "ERR_INVALID_VALUE", /ropeScaling\.ropeType: .*got "longrope"/],
  ["transformers' name of an option", scaled({ ropeType: "yarn", factor: 2, original_max_position_embeddings: 64 }), TypeError, "ERR_INVALID_TYPE", /rotaryEmbedding: ropeScaling: .*did you mean originalMaxPositionEmbeddings/],
  ["an option of another kind", scaled({ ropeType: "linear", factor: 2, betaFast: 3 }), TypeError, "ERR_INVALID_TYPE", /ropeScaling: options: unknown option "betaFast"/],
  ["no factor", scaled({ ropeType: "linear" }), TypeError, "ERR_INVALID_TYPE", /ropeScaling\.factor: .*at least 1, got undefined/],
  ["a factor below 1", scaled({ ropeType: "linear", factor: 0.9 }), RangeError, "ERR_INVALID_VALUE", /ropeScaling\.factor: .*got 0.9/],
  ["no maxPositionEmbeddings", scaled({ ropeType: "dynamic", factor: 2 }), TypeError, "ERR_INVALID_TYPE", /ropeScaling\.maxPositionEmbeddings: .*integer.*got undefined/],
  ["a sequenceLength of 0", scaled({ ropeType: "dynamic", factor: 2, maxPositionEmbeddings: 8, sequenceLength: 0 }), RangeError, "ERR_INVALID_VALUE", /ropeScaling\.sequenceLength: .*got 0/],
  ["a fractional length", scaled({ ...yarn, originalMaxPositionEmbeddings: 2.5 }), RangeError, "ERR_INVALID_VALUE", /ropeScaling\.originalMaxPositionEmbeddings: .*got 2.5/],
  ["a betaSlow of 0", scaled({ ...yarn, betaSlow: 0 }), RangeError, "ERR_INVALID_VALUE", /ropeScaling\.betaSlow: .*above 0, got 0/],
  ["a betaFast below betaSlow", scaled({ ...yarn, betaSlow: 33 }), RangeError, "ERR_INVALID_VALUE", /ropeScaling\.betaFast: .*at least 33, got 32/],
  ["an attentionFactor of 0", scaled({ ...yarn, attentionFactor: 0 }), RangeError, "ERR_INVALID_VALUE", /ropeScaling\.attentionFactor: .*above 0, got 0/],
  ["a negative mscale", scaled({ ...yarn, mscale: -1 }), RangeError, "ERR_INVALID_VALUE", /ropeScaling\.mscale: .*at least 0, got -1/],
  ["null as mscaleAllDim", scaled({ ...yarn, mscaleAllDim: null }), TypeError, "ERR_INVALID_TYPE", /ropeScaling\.mscaleAllDim: .*got null/],
  ["a number as truncate", scaled({ ...yarn, truncate: 1 }), TypeError, "ERR_INVALID_TYPE", /ropeScaling\.truncate: expected a boolean, got 1/],
  ["YaRN with base 1", scaled(yarn, 1), RangeError, "ERR_INVALID_VALUE", /base: .*above 1 for YaRN, got 1/],
  ["a lowFreqFactor of 0", scaled({ ...llama3, lowFreqFactor: 1e-50 }), RangeError, "ERR_INVALID_VALUE", /ropeScaling\.lowFreqFactor: .*above 0, got 1e-50/],
  ["equal frequency factors", scaled({ ...llama3, lowFreqFactor: 4 }), RangeError, "ERR_INVALID_VALUE", /ropeScaling\.highFreqFactor: .*above lowFreqFactor, 4, got 4/],
];

const large = randomOperand(1, "float16", [2, 4, 30, 32]);
const ids = { data: new Int32Array(60).fill(299), shape: [2, 30] };
const angles = randomOperand(5, "float16", [600, 16]);

export const rotaryEmbeddingRecord: OperationRecord = {
  name: "rotaryEmbedding",
  family: "rotary-embedding",
  computes: "pairs of elements turned by an angle that grows with the position",
  error: "two products and their sum, each rounded",
  property: { trials: recipes.map(trialOf), numRuns: 600 },
  gradient: { trials: recipes.map(gradientTrialOf), numRuns: 300 },
  refusals: [...calls, ...scalings],
  call: () => [rotaryEmbedding(x)],
  memory: {
    rotaryEmbedding: () => [rotaryEmbedding(large, { positionIds: ids })],
    "rotaryEmbedding with tables": () => [rotaryEmbedding(large, { cosine: angles, sine: angles, positionIds: ids })],
  },
  typical: () => {
    const input = randn([1, 12, 128, 64], { seed: 1 });
    return { size: "[1, 12, 128, 64]", run: () => rotaryEmbedding(input), bytes: 2 * 4 * 12 * 128 * 64 };
  },
  mixture: (n) => [rotaryEmbedding(floats(1, 1, n, 8))],
  bits: {
    cases: [
      { name: "rotaryEmbedding: halves", seed: 64, amplitude: 1, sizes: { batch: 2, heads: 3, queries: 9, size: 16 } },
      {
        name: "rotaryEmbedding: interleaved, partial",
        seed: 65,
        amplitude: 1,
        sizes: { batch: 2, heads: 3, queries: 9, size: 16 },
        options: { interleaved: true, rotaryDim: 10, base: 500000 },
      },
      {
        name: "rotaryEmbedding: from the largest positions",
        seed: 71,
        amplitude: 1,
        sizes: { batch: 2, heads: 3, queries: 7, size: 32 },
        options: { positionIds: 2147483641 },
      },
      {
        name: "rotaryEmbedding: linear",
        seed: 72,
        amplitude: 1,
        sizes: { batch: 2, heads: 3, queries: 7, size: 32 },
        options: { positionIds: 100000, base: 500000, ropeScaling: { ropeType: "linear", factor: 2.7 } },
      },
      {
        name: "rotaryEmbedding: dynamic",
        seed: 73,
        amplitude: 1,
        sizes: { batch: 2, heads: 3, queries: 7, size: 32 },
        options: { positionIds: 5000, ropeScaling: { ropeType: "dynamic", factor: 2, maxPositionEmbeddings: 4096 } },
      },
      {
        name: "rotaryEmbedding: YaRN",
        seed: 74,
        amplitude: 1,
        sizes: { batch: 2, heads: 3, queries: 7, size: 32 },
        options: {
          positionIds: 70000,
          ropeScaling: { ropeType: "yarn", factor: 16, originalMaxPositionEmbeddings: 4096, truncate: false },
        },
      },
      {
        name: "rotaryEmbedding: Llama 3.1",
        seed: 75,
        amplitude: 1,
        sizes: { batch: 2, heads: 3, queries: 7, size: 32 },
        options: {
          positionIds: 131072,
          base: 500000,
          ropeScaling: {
            ropeType: "llama3",
            factor: 8,
            lowFreqFactor: 1,
            highFreqFactor: 4,
            originalMaxPositionEmbeddings: 8192,
          },
        },
      },
    ],
    run: ({ sizes: { batch, heads, queries, size }, options }, inputs) => [
      rotaryEmbedding(inputs.tensor("input", [batch, heads, queries, size]), options),
    ],
  },
};
