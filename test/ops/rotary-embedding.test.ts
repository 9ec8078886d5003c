/** rotaryEmbedding against the float64 oracle in every arrangement, with tables and without; what it refuses. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type RopeScaling, rotaryEmbedding, type RotaryEmbeddingOptions, Tensor } from "../../ts/entry/default.js";
import { forEachArithmetic } from "../support/arithmetics.js";
import exact from "../cases/rotary-angles.json";
import { count, dataSeeds, floatTypes, given, randomOperand } from "../cases/layer-operands.js";
import { expectWithin } from "../support/expect-within.js";
import { valuesOf } from "../conformance/records.js";
import * as oracle from "../oracle/layers.js";
import { expectThrowsWithoutLeak, withoutLeak } from "../support/without-leak.js";

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

/** A call, its oracle's result and how far off each element may be. */
function materialize(recipe: Recipe): {
  input: ReturnType<typeof randomOperand>;
  options: RotaryEmbeddingOptions;
  expected: Float64Array;
  tolerances: Float64Array;
} {
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
  const frequencies = oracle.rotaryFrequencies(rotarySize, recipe.base ?? 10_000, recipe.ropeScaling, largest + 1);
  const computed = oracle.rotaryTables(ids, frequencies);
  const options: RotaryEmbeddingOptions = { interleaved, rotaryDim: rotarySize === headSize ? undefined : rotarySize };
  const [cosine, sine] = [1, 2].map((n) => randomOperand(dataSeed + n, tableDType, tableShapes[recipe.tables]));
  const tables = isGiven ? { cosine: cosine.values, sine: sine.values } : computed;
  if (isGiven) Object.assign(options, { cosine: given(cosine, isTensor), sine: given(sine, isTensor) });
  else Object.assign(options, { base: recipe.base, ropeScaling: recipe.ropeScaling });
  if (arrangement === "BLHD" || arrangement === "LBHD") options.layout = arrangement;
  if (arrangement === "packed") options.numHeads = sizes.heads;
  if (positions === "first") options.positionIds = start;
  if (positions === "[L]") options.positionIds = batch === 0 ? Array.from({ length }, () => 0) : ids.slice(0, length);
  if (positions === "[B, L]" || positions === "[1, L]") {
    const shape = [positions === "[1, L]" ? 1 : batch, length];
    const data = { data: Int32Array.from({ length: count(shape) }, (_, at) => ids[at] ?? 0), shape };
    options.positionIds = isTensor ? Tensor.from(data) : data;
  }

  const problem = { ...sizes, sequence: length, rotarySize, interleaved, headsFirst: arrangement === "BHLD" };
  const rows = recipe.tables === "list" || recipe.tables === "shared" ? ids : undefined;
  const width = sizes.heads * headSize;
  const run = (values: Float64Array, cos: Float64Array, sin: Float64Array): Float64Array => {
    if (arrangement !== "LBHD") return oracle.rotaryEmbedding(values, cos, sin, rows, problem);
    const batchFirst = exchangeAxes(values, length, batch, width);
    return exchangeAxes(oracle.rotaryEmbedding(batchFirst, cos, sin, rows, problem), batch, length, width);
  };
  const magnitudes = input.values.map(Math.abs);
  // |cos·x| + |sin·y| comes out at the first of a pair with −|sin|, at the second with |sin|.
  const larger = (a: Float64Array, b: Float64Array): Float64Array =>
    a.map((x, at) => Math.max(Math.abs(x), Math.abs(b[at])));
  const sums = (cos: Float64Array, sin: Float64Array): Float64Array => {
    const negative = sin.map((x) => -x);
    return larger(run(magnitudes, cos, sin), run(magnitudes, cos, negative));
  };
  const products = sums(tables.cosine.map(Math.abs), tables.sine.map(Math.abs));
  const ones = new Float64Array(tables.cosine.length).fill(1);
  // Two products and a sum are rounded. Computed tables are rounded, and have the errors of two computations of the angle: a
  // few units of float64 for each position, more by the slope of the lines that YaRN and Llama 3.1 have between frequencies.
  const hasLine = /yarn|llama3/.test(recipe.ropeScaling?.ropeType ?? "");
  const tableError = frequencies.attentionFactor * (2 ** -24 + largest * 2 ** (hasLine ? -46 : -50));
  const tableErrors = isGiven ? undefined : sums(ones, ones).map((sum) => sum * tableError);
  const tolerances = products.map((sum, at) => 2 ** -23 * sum + (tableErrors?.[at] ?? 0));
  return { input, options, expected: run(input.values, tables.cosine, tables.sine), tolerances };
}

const floats = (...shape: number[]): { data: Float32Array; shape: number[] } => ({
  data: Float32Array.from({ length: count(shape) }, (_, n) => (n % 7) - 3),
  shape,
});

forEachArithmetic(() => {
  it("is two rounded products and their rounded sum, in every arrangement", () => {
    fc.assert(
      fc.property(recipes, (recipe) => {
        withoutLeak(() => {
          const { input, options, expected, tolerances } = materialize(recipe);
          const output = rotaryEmbedding(given(input, recipe.isTensor), options);
          expectWithin(output, input.dtype, input.shape, expected, (index) => tolerances[index]);
        });
      }),
      { numRuns: 600 },
    );
  });

  it.each(exact.cases.map((row) => [JSON.stringify(row.ropeScaling), row] as const))(
    "has exact angles at large positions: %s",
    (_, { size, base, ropeScaling, attentionFactor, frequencies, cosine, sine }) => {
      withoutLeak(() => {
        const pairs = size / 2;
        // Pairs (1, 0), so that the result is the cosines and the sines.
        const input = (rows: number): { data: Float32Array; shape: number[] } => ({
          data: Float32Array.from({ length: rows * size }, (_, at) => Number(at % size < pairs)),
          shape: [rows, size],
        });
        const options = { base, ropeScaling: (ropeScaling ?? undefined) as RopeScaling | undefined };
        const { positions } = exact;
        const output = rotaryEmbedding(input(positions.length), { ...options, positionIds: positions });
        const values = valuesOf(output);
        values.forEach((actual, at) => {
          const [row, i] = [Math.floor(at / size), at % pairs];
          const truth = (at % size < pairs ? cosine : sine)[row][i];
          // One rounding to float32, and the error of the angle: none where the frequency is 1.
          const angleError = frequencies[i] === 1 ? 0 : positions[row] * 2 ** -51;
          const allowed = 2 ** -24 * 1.002 * Math.abs(truth) + attentionFactor * angleError;
          expect(Math.abs(actual - truth), `position ${positions[row]}, element ${at % size}`).toBeLessThanOrEqual(
            allowed,
          );
        });
        positions.forEach((position, row) => {
          const alone = rotaryEmbedding(input(1), { ...options, positionIds: position });
          expect(valuesOf(alone)).toEqual(values.slice(row * size, (row + 1) * size));
        });
      });
    },
  );

  it("takes the length of a call for dynamic frequencies, where none is given", () => {
    withoutLeak(() => {
      const turned = (positionIds: number | number[], sequenceLength?: number): number[] => {
        const ropeScaling = { ropeType: "dynamic", factor: 2, maxPositionEmbeddings: 6, sequenceLength } as const;
        return Array.from(rotaryEmbedding(floats(2, 3, 8), { positionIds, ropeScaling }).toArray());
      };
      expect(turned([3, 9, 1])).toEqual(turned([3, 9, 1], 10));
      expect(turned(8)).toEqual(turned(8, 11));
      expect(turned(8)).not.toEqual(turned(8, 12));
      expect(turned(0)).toEqual(turned(0, 6));
    });
  });

  it("turns by the position, and a position of 0 not at all", () => {
    withoutLeak(() => {
      const input = {
        data: [
          [1, 0],
          [1, 0],
          [0, 1],
        ],
        shape: [3, 2],
      };
      const [first, second, third] = rotaryEmbedding(input).toNested() as number[][];
      expect(first).toEqual([1, 0]);
      expect(second).toEqual([Math.cos(1), Math.sin(1)].map(Math.fround));
      expect(third).toEqual([-Math.sin(2), Math.cos(2)].map(Math.fround));
    });
  });

  it("gives the scores of the distance: q at p against k at p' depends on p − p' alone", () => {
    withoutLeak(() => {
      const [q, k] = [randomOperand(1, "float32", [1, 16]), randomOperand(2, "float32", [1, 16])];
      const turned = (operand: typeof q, position: number): Float32Array =>
        rotaryEmbedding(given(operand, false), { positionIds: [position] }).toArray() as Float32Array;
      const score = (p: number, other: number): number => {
        const key = turned(k, other);
        return turned(q, p).reduce((sum, x, n) => sum + x * key[n], 0);
      };
      expect(score(1007, 1000)).toBeCloseTo(score(7, 0), 4);
      expect(score(12, 5)).toBeCloseTo(score(7, 0), 5);
    });
  });

  describe("refuses", () => {
    const x = floats(2, 4, 3, 8);
    const table = floats(50, 4);
    type Row = [string, () => unknown, typeof TypeError | typeof RangeError, string, RegExp];
    // prettier-ignore
    const cases: Row[] = [
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
    const scalings: Row[] = [
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
    it.each([...cases, ...scalings])("%s", (_, call, kind, code, message) => {
      withoutLeak(() => {
        expectThrowsWithoutLeak(call, kind, code as "ERR_SHAPE", message);
        expect(rotaryEmbedding(x).shape).toEqual(x.shape);
      });
    });
  });
});
