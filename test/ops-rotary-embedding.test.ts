/** rotaryEmbedding against the float64 oracle in every arrangement, with tables and without; what it refuses. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { rotaryEmbedding, type RotaryEmbeddingOptions, Tensor } from "../ts/entry/default.js";
import { forEachArithmetic } from "./arithmetics.js";
import { count, dataSeeds, floatTypes, given, randomOperand } from "./cases/layer-operands.js";
import { expectWithin } from "./expect-within.js";
import * as oracle from "./oracle/layers.js";
import { expectThrowsWithoutLeak, withoutLeak } from "./without-leak.js";

type Arrangement = "BHLD" | "BLHD" | "LBHD" | "packed" | "batch" | "matrix";
type Positions = "none" | "[B, L]" | "[L]";

const recipes = fc.record({
  arrangement: fc.constantFrom<Arrangement>("BHLD", "BLHD", "LBHD", "packed", "batch", "matrix"),
  batch: fc.integer({ min: 0, max: 3 }),
  heads: fc.integer({ min: 1, max: 4 }),
  length: fc.integer({ min: 0, max: 9 }),
  headSize: fc.integer({ min: 2, max: 19 }),
  rotaryShare: fc.double({ min: 0, max: 1, noNaN: true }),
  interleaved: fc.boolean(),
  tables: fc.constantFrom("given", "a row each", "base"),
  positions: fc.constantFrom<Positions>("none", "[B, L]", "[L]"),
  base: fc.constantFrom(undefined, 500, 1e6),
  dtype: floatTypes,
  tableDType: floatTypes,
  isTensor: fc.boolean(),
  dataSeed: dataSeeds,
});

type Recipe = typeof recipes extends fc.Arbitrary<infer R> ? R : never;

const TABLE_ROWS = 23;

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
  const isPerRow = recipe.tables === "a row each";
  const isGiven = recipe.tables !== "base";
  const positions = isPerRow ? "none" : recipe.positions;

  const positionOf = (at: number): number => (positions === "none" ? at : (at * 7 + dataSeed) % TABLE_ROWS);
  const row = Int32Array.from({ length }, (_, at) => positionOf(at));
  const ids = Int32Array.from({ length: batch * length }, (_, at) =>
    positions === "[B, L]" ? positionOf(at) : row[at % length],
  );
  const tableShape = isPerRow ? [batch, length, pairs] : [TABLE_ROWS, pairs];
  const cosine = randomOperand(dataSeed + 1, tableDType, tableShape);
  const sine = randomOperand(dataSeed + 2, tableDType, tableShape);
  const computed = oracle.rotaryTables(TABLE_ROWS, rotarySize, recipe.base ?? 10_000);
  const tables = isGiven ? { cosine: cosine.values, sine: sine.values } : computed;

  const options: RotaryEmbeddingOptions = { interleaved, rotaryDim: rotarySize === headSize ? undefined : rotarySize };
  if (isGiven) Object.assign(options, { cosine: given(cosine, isTensor), sine: given(sine, isTensor) });
  else options.base = recipe.base;
  if (arrangement === "BLHD" || arrangement === "LBHD") options.layout = arrangement;
  if (arrangement === "packed") options.numHeads = sizes.heads;
  if (positions === "[L]") options.positionIds = Array.from(row);
  if (positions === "[B, L]") {
    const data = { data: ids, shape: [batch, length] };
    options.positionIds = isTensor ? Tensor.from(data) : data;
  }

  const problem = { ...sizes, sequence: length, rotarySize, interleaved, headsFirst: arrangement === "BHLD" };
  const rows = isPerRow ? undefined : ids;
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
  // Two products and a sum are rounded; computed tables are off by 2^-24.
  const tableErrors = isGiven ? undefined : sums(ones, ones);
  const tolerances = products.map((sum, at) => 2 ** -24 * (2 * sum + (tableErrors?.[at] ?? 0)));
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
      { numRuns: 300 },
    );
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
      ["too few positions", () => rotaryEmbedding(x, { positionIds: [0, 1] }), RangeError, "ERR_SHAPE", /positionIds: .*\[2, 3\] or \[3\], got \[2\]/],
      ["a position for which there is no memory", () => rotaryEmbedding(x, { positionIds: [0, 1, 2 ** 31 - 1] }), RangeError, "ERR_OUT_OF_MEMORY", /out of memory/],
      ["a number as interleaved", () => rotaryEmbedding(x, { interleaved: 1 as never }), TypeError, "ERR_INVALID_TYPE", /interleaved: .*got 1/],
      ["ONNX's name of an option", () => rotaryEmbedding(x, { position_ids: [0, 1, 2] } as never), TypeError, "ERR_INVALID_TYPE", /positionIds/],
    ];
    it.each(cases)("%s", (_, call, kind, code, message) => {
      withoutLeak(() => {
        expectThrowsWithoutLeak(call, kind, code as "ERR_SHAPE", message);
        expect(rotaryEmbedding(x).shape).toEqual(x.shape);
      });
    });
  });
});
