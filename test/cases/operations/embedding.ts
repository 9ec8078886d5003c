import fc from "fast-check";
import { embedding, randn, Tensor } from "../../../ts/entry/default.js";
import * as oracle from "../../oracle/embedding.js";
import type { GradientTrial } from "../gradient.js";
import { count, dataSeeds, floatTypes, given, layerSizes, leadingAxes, randomOperand } from "../layer-operands.js";
import { floats, type OperationRecord, type Trial, wrongDTypes } from "../operation.js";

const trials: fc.Arbitrary<Trial> = fc
  .record({
    dtype: floatTypes,
    shape: leadingAxes,
    rows: fc.integer({ min: 1, max: 40 }),
    columns: layerSizes,
    isTensor: fc.boolean(),
    dataSeed: dataSeeds,
  })
  .map(({ dtype, shape, rows, columns, isTensor, dataSeed }) => {
    const weight = randomOperand(dataSeed, dtype, [rows, columns]);
    const indices = Int32Array.from({ length: count(shape) }, (_, at) => (at * 31 + dataSeed) % rows);
    const picked = { data: indices, shape };
    return {
      run: () => embedding(isTensor ? Tensor.from(picked) : picked, given(weight, isTensor)),
      dtype,
      shape: [...shape, columns],
      expected: oracle.embedding(weight.values, indices, columns),
      tolerance: () => 0,
    };
  });

/** With a row without a gradient or none. */
const gradientTrials: fc.Arbitrary<GradientTrial> = fc
  .record({
    dtype: floatTypes,
    shape: leadingAxes,
    rows: fc.integer({ min: 1, max: 9 }),
    columns: layerSizes,
    padding: fc.constantFrom("none", "first", "last"),
    isTensor: fc.boolean(),
    dataSeed: dataSeeds,
  })
  .map(({ dtype, shape, rows, columns, padding, isTensor, dataSeed }) => {
    const weight = randomOperand(dataSeed, dtype, [rows, columns]);
    const indices = Int32Array.from({ length: count(shape) }, (_, at) => (at * 31 + dataSeed) % rows);
    const picked = { data: indices, shape };
    const paddingIdx = { none: undefined, first: 0, last: -1 }[padding];
    const paddingRow = { none: undefined, first: 0, last: rows - 1 }[padding];
    const gradient = (dy: ArrayLike<number>): Float64Array =>
      oracle.embeddingGradient(dy, indices, rows, columns, paddingRow);
    return {
      operands: { weight },
      run: (tensors) => embedding(isTensor ? Tensor.from(picked) : picked, tensors.weight, { paddingIdx }),
      forward: (values) => oracle.embedding(values.weight, indices, columns),
      gradients: (dy) => ({ weight: gradient(dy) }),
      tolerance: (dy) => {
        const [sizes, counts] = [gradient(dy.map(Math.abs)), gradient(dy.map(() => 1))];
        return (_, index) => 2 ** -24 * counts[index] * sizes[index];
      },
      // Differences would tell the gradient that the padding row is denied.
      isSmooth: paddingRow === undefined,
    };
  });

const weight = floats(3, 4);
const tensor = <D extends Float32Array | Uint8Array>(data: D): { data: D; shape: number[] } => ({
  data,
  shape: [data.length],
});
const table = randomOperand(3, "float16", [300, 32]);
const ids = { data: new Int32Array(60).fill(299), shape: [2, 30] };

export const embeddingRecord: OperationRecord = {
  name: "embedding",
  family: "embedding",
  computes: "rows of a table",
  error: "none: bit for bit",
  property: { trials, numRuns: 100 },
  gradient: { trials: gradientTrials, numRuns: 150 },
  // prettier-ignore
  refusals: [
    ...wrongDTypes("embedding", "weight", (w) => embedding([0], w)),
    ["an index over the rows", () => embedding([0, 3], weight), RangeError, "ERR_INVALID_VALUE", /^embedding: indices, element 1: .*0 to 2, got 3/],
    ["a negative index", () => embedding(new Int32Array([-1]), weight), RangeError, "ERR_INVALID_VALUE", /indices, element 0: .*got -1/],
    ["an index of a tensor", () => embedding({ data: new Int32Array([0, 9]), shape: [1, 2] }, weight), RangeError, "ERR_INVALID_VALUE", /element 1: .*got 9/],
    ["an index that int32 would wrap", () => embedding([2 ** 32], weight), RangeError, "ERR_INVALID_VALUE", /got 4294967296/],
    ["a fraction", () => embedding([0.5], weight), RangeError, "ERR_INVALID_VALUE", /got 0.5/],
    ["NaN", () => embedding([NaN], weight), RangeError, "ERR_INVALID_VALUE", /got NaN/],
    ["an index into nothing", () => embedding([0], { data: [], shape: [0, 4] }), RangeError, "ERR_INVALID_VALUE", /no rows/],
    ["a float tensor", () => embedding(tensor(new Float32Array(2)), weight), TypeError, "ERR_INVALID_TYPE", /indices: .*int32.*"float32"/],
    ["a bool tensor", () => embedding(tensor(new Uint8Array(2)), weight), TypeError, "ERR_INVALID_TYPE", /indices: .*int32.*"bool"/],
    ["a Float32Array", () => embedding(new Float32Array(2) as never, weight), TypeError, "ERR_INVALID_TYPE", /indices: .*Float32Array/],
    ["a 64-bit index over the rows", () => embedding(new BigInt64Array([0n, 3n]), weight), RangeError, "ERR_INVALID_VALUE", /indices, element 1: .*0 to 2, got 3/],
    ["an index that 32 bits don't hold", () => embedding({ data: [2n ** 32n], shape: [1] }, weight), RangeError, "ERR_INVALID_VALUE", /indices\.data, element 0: .*got 4294967296n/],
    ["a fraction with a shape", () => embedding({ data: [0.5], shape: [1] }, weight), RangeError, "ERR_INVALID_VALUE", /indices\.data, element 0: .*got 0.5/],
    ["numbers that are said to be floats", () => embedding({ data: [1], shape: [1], dtype: "float32" }, weight), TypeError, "ERR_INVALID_TYPE", /indices: .*int32.*"float32"/],
    ["a text", () => embedding("5" as never, weight), TypeError, "ERR_INVALID_TYPE", /indices: expected an array of integers, a typed array of them, an int32 Tensor or \{ data, shape \}, got "5"/],
    ["a DataView", () => embedding(new DataView(new ArrayBuffer(8)) as never, weight), TypeError, "ERR_INVALID_TYPE", /indices: expected an array of integers.*DataView/],
    ["booleans", () => embedding([true], weight), TypeError, "ERR_INVALID_TYPE", /indices: .*numbers/],
    ["a number", () => embedding(1 as never, weight), TypeError, "ERR_INVALID_TYPE", /indices: .*got 1/],
    ["ragged arrays", () => embedding([[0], [1, 2]], weight), RangeError, "ERR_SHAPE", /indices: /],
    ["a weight of rank 1", () => embedding([0], { data: [1], shape: [1] }), RangeError, "ERR_SHAPE", /weight: .*\[rows, columns\]/],
    ["a paddingIdx over the rows", () => embedding([0], weight, { paddingIdx: 3 }), RangeError, "ERR_INVALID_VALUE", /^embedding: paddingIdx: .*from -3 to 2, got 3/],
    ["a fractional paddingIdx", () => embedding([0], weight, { paddingIdx: 0.5 }), RangeError, "ERR_INVALID_VALUE", /paddingIdx: .*got 0.5/],
    ["PyTorch's name of an option", () => embedding([0], weight, { padding_idx: 0 } as never), TypeError, "ERR_INVALID_TYPE", /did you mean paddingIdx/],
    ["the arguments exchanged", () => embedding(weight, [0] as never), TypeError, "ERR_INVALID_TYPE", /weight: .*got \[0\]/],
  ],
  call: () => [embedding([2], weight)],
  memory: { embedding: () => [embedding(ids, table)] },
  typical: () => {
    const weight = randn([30_000, 768], { seed: 1 });
    const indices = Int32Array.from({ length: 512 }, (_, at) => (at * 7919) % 30_000);
    return { size: "512 of [30000, 768]", run: () => embedding(indices, weight), bytes: 2 * 4 * 512 * 768 };
  },
  mixture: (n) => [embedding([0, n - 1], floats(n, 8))],
  bits: { none: "it copies" },
};
