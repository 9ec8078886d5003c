/**
 * A row's bits are its own: the same alone, in a chunk, in the whole, whatever other heads and batches there are, whether
 * its keys are past or new. So a token that is decoded has the bits of the prefill.
 */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  gelu,
  layerNorm,
  Linear,
  linear,
  manualSeed,
  MultiheadAttention,
  randn,
  relu,
  rmsNorm,
  rotaryEmbedding,
  scaledDotProductAttention,
  scope,
  SelfAttention,
  silu,
  softmax,
  Tensor,
} from "../../../ts/entry/default.js";
import { forEachArithmetic } from "../../support/arithmetics.js";
import { type AttentionCase, attentionRecipes, type CaseTensor, materialize } from "../../cases/arbitraries.js";
import { callAttention, type StoredResult } from "../../cases/attention-call.js";

const CHUNKS = [1, 2, 3, 4, 5, 7, 8, 9, 33];

interface Sliceable {
  readonly data: ArrayLike<number>;
  readonly shape: readonly number[];
}

/** Places from `start` to `end` of an axis, counted from the right. */
function slice<T extends Sliceable>(tensor: T, fromRight: number, start: number, end: number): T {
  const axis = tensor.shape.length - 1 - fromRight;
  const inner = tensor.shape.slice(axis + 1).reduce((count, size) => count * size, 1);
  const extent = tensor.shape[axis] * inner;
  const data = Array.from(tensor.data).filter((_, index) => {
    const place = Math.floor((index % extent) / inner);
    return place >= start && place < end;
  });
  return {
    ...tensor,
    data: Float64Array.from(data),
    shape: tensor.shape.map((size, n) => (n === axis ? end - start : size)),
  };
}

/** As `slice`, where axes of 1 broadcast and stay, as do absent ones. */
function sliceOfMask<T extends Sliceable>(mask: T, fromRight: number, start: number, end: number): T {
  const size = mask.shape[mask.shape.length - 1 - fromRight] ?? 1;
  return size === 1 ? mask : slice(mask, fromRight, start, end);
}

const [ROWS, HEADS, BATCHES] = [1, 2, 3];

/** A concatenation along the rows. */
function concatenated(first: CaseTensor, second: CaseTensor): CaseTensor {
  const [batch, heads, , size] = second.shape;
  const shape = [batch, heads, first.shape[2] + second.shape[2], size];
  const data = Array.from({ length: batch * heads }, (_, n) =>
    [first, second].flatMap((tensor) => {
      const length = tensor.shape[2] * size;
      return Array.from(tensor.data).slice(n * length, (n + 1) * length);
    }),
  );
  return { ...second, shape, data: Float64Array.from(data.flat()) };
}

/** Rows `start` to `end` in a call of their own; undefined where no call gives them the positions that they have. */
function rowsOf({ query, key, value, options }: AttentionCase, start: number, end: number): AttentionCase | undefined {
  const { pastKey, pastValue, attnMask, keyLengths, ...others } = options;
  const L = query.shape[2];
  const part = slice(query, ROWS, start, end);
  const mask = attnMask && { attnMask: sliceOfMask(attnMask, ROWS, start, end) };
  // The pattern of dropped weights goes by the number of the row in its call.
  if (options.dropoutP !== undefined && start > 0) return undefined;
  if (keyLengths !== undefined) {
    const isWhereItWas = options.causalAlignment === "lower-right" ? end === L : start === 0;
    return isWhereItWas ? { query: part, key, value, options: { ...options, ...mask } } : undefined;
  }
  const keys = pastKey === undefined ? key : concatenated(pastKey, key);
  const values = pastValue === undefined ? value : concatenated(pastValue, value);
  const T = keys.shape[2];
  const offset = options.causalAlignment === "lower-right" ? T - L : T - key.shape[2];
  const past = offset + start;
  if (past < 0 || past > T) return undefined;
  return {
    query: part,
    key: slice(keys, ROWS, past, T),
    value: slice(values, ROWS, past, T),
    options: {
      ...others,
      ...mask,
      causalAlignment: "upper-left",
      pastKey: slice(keys, ROWS, 0, past),
      pastValue: slice(values, ROWS, 0, past),
    },
  };
}

/** One head of a key head, or one batch, in a call of its own. */
function headOf({ query, key, value, options }: AttentionCase, h: number): AttentionCase {
  const keyHead = Math.floor(h / (query.shape[1] / key.shape[1]));
  const ofKeys = <T extends Sliceable>(tensor: T): T => slice(tensor, HEADS, keyHead, keyHead + 1);
  const { pastKey, pastValue, attnMask, alibiSlopes, sinks } = options;
  return {
    query: slice(query, HEADS, h, h + 1),
    key: ofKeys(key),
    value: ofKeys(value),
    options: {
      ...options,
      ...(pastKey && pastValue && { pastKey: ofKeys(pastKey), pastValue: ofKeys(pastValue) }),
      ...(attnMask && { attnMask: sliceOfMask(attnMask, HEADS, h, h + 1) }),
      ...(alibiSlopes && { alibiSlopes: slice(alibiSlopes, 0, h, h + 1) }),
      ...(sinks && { sinks: Float32Array.of(sinks[h]) }),
    },
  };
}

function batchOf({ query, key, value, options }: AttentionCase, b: number): AttentionCase {
  const ofBatch = <T extends Sliceable>(tensor: T): T => slice(tensor, BATCHES, b, b + 1);
  const { pastKey, pastValue, attnMask, alibiSlopes, keyLengths } = options;
  return {
    query: ofBatch(query),
    key: ofBatch(key),
    value: ofBatch(value),
    options: {
      ...options,
      ...(pastKey && pastValue && { pastKey: ofBatch(pastKey), pastValue: ofBatch(pastValue) }),
      ...(attnMask && { attnMask: sliceOfMask(attnMask, BATCHES, b, b + 1) }),
      ...(alibiSlopes && { alibiSlopes: sliceOfMask(alibiSlopes, 1, b, b + 1) }),
      ...(keyLengths && { keyLengths: [keyLengths[b]] }),
    },
  };
}

const RESULTS = ["output", "logSumExp", "weights"] as const;

/** Compares a part with the places of the whole that `cut` takes. */
function expectPart(
  part: AttentionCase,
  whole: Partial<Record<(typeof RESULTS)[number], StoredResult>>,
  cut: (bits: Sliceable, name: (typeof RESULTS)[number]) => Sliceable,
): void {
  const results = callAttention(part);
  for (const name of RESULTS) {
    const expected = whole[name];
    const actual = results[name];
    if (expected === undefined || actual === undefined) continue;
    const bits = cut({ data: expected.bits, shape: expected.shape }, name);
    const differing = Array.from(bits.data).findIndex((bit, index) => bit !== actual.bits[index]);
    expect([name, differing, actual.bits.length]).toEqual([name, -1, bits.data.length]);
  }
}

/** logSumExp has no axis behind the rows. */
const behind = (name: string): number => (name === "logSumExp" ? 1 : 0);

forEachArithmetic(() => {
  const recipes = attentionRecipes.map(({ weights, ...recipe }) => ({
    ...recipe,
    form: "heads" as const,
    weights: weights && { ...weights, chosen: false, averageHeads: false },
  }));

  it("attention, in chunks of every size", () => {
    let compared = 0;
    fc.assert(
      fc.property(recipes, fc.integer({ min: 0, max: 32 }), (recipe, first) => {
        const whole = materialize(recipe);
        const results = callAttention(whole);
        const L = whole.query.shape[2];
        for (const chunk of CHUNKS) {
          // Of many rows a few chunks, from anywhere.
          const starts = L === 0 ? [] : [0, first % L, Math.max(0, L - chunk)];
          for (const start of new Set(starts)) {
            const end = Math.min(L, start + chunk);
            const part = rowsOf(whole, start, end);
            if (part === undefined) continue;
            compared += 1;
            expectPart(part, results, (bits, name) => slice(bits, ROWS - behind(name), start, end));
          }
        }
      }),
      { seed: 7, numRuns: 120 },
    );
    expect(compared).toBeGreaterThan(1000);
  });

  it("attention, each head and each batch alone", () => {
    fc.assert(
      fc.property(recipes, (recipe) => {
        const whole = materialize({ ...recipe, batch: Math.min(recipe.batch, 3), dropoutP: null });
        const results = callAttention(whole);
        const [batch, heads] = whole.query.shape;
        for (let h = 0; h < heads; h++) {
          if (recipe.alibi === "batches" && batch > 1) break;
          expectPart(headOf(whole, h), results, (bits, name) => slice(bits, HEADS - behind(name), h, h + 1));
        }
        for (let b = 0; b < batch; b++) {
          expectPart(batchOf(whole, b), results, (bits, name) => slice(bits, BATCHES - behind(name), b, b + 1));
        }
      }),
      { seed: 8, numRuns: 80 },
    );
  });

  it("tokens decoded one by one, and in chunks, have the bits of the prefill", () => {
    scope(() => {
      manualSeed(1);
      const [heads, keyHeads, length, size] = [4, 2, 600, 64];
      const [query, key, value] = [heads, keyHeads, keyHeads].map((count) => randn([1, count, length, size]));
      const options = { isCausal: true, causalAlignment: "lower-right" } as const;
      const rows = (tensor: Tensor, start: number, end: number): Tensor => {
        const count = tensor.shape[1];
        const data = tensor.toArray() as Float32Array;
        const taken = Array.from({ length: count }, (_, h) =>
          data.subarray((h * length + start) * size, (h * length + end) * size),
        );
        return Tensor.from(Float32Array.from(taken.flatMap((part) => [...part])), [1, count, end - start, size]);
      };
      const prefill = scaledDotProductAttention(query, key, value, options).output;
      for (const [start, end] of [0, 1, 7, 8, 250, 263, 264, 265, 527, 528, 590].map((at, n) => [
        at,
        at + 1 + (n % 9),
      ])) {
        const { output } = scaledDotProductAttention(
          rows(query, start, end),
          rows(key, 0, end),
          rows(value, 0, end),
          options,
        );
        expect(output).toEqual(rows(prefill, start, end));
      }
    });
  });

  it("weights come from the very scores that made the sum", () => {
    // Scores of 1e8, whose rounding errors are larger than the differences that decide.
    const numbers = (count: number, step: number, phase: number): Float32Array =>
      Float32Array.from({ length: count }, (_, i) => 1e4 * Math.sin(step * i + phase));
    const key = { data: numbers(48, 5, 2), shape: [6, 8] };
    const value = { data: new Float32Array(6).fill(1), shape: [6, 1] };
    for (const L of [1, 9, 17]) {
      scope(() => {
        const query = { data: numbers(8 * L, 3, 1), shape: [L, 8] };
        const { output, weights } = scaledDotProductAttention(query, key, value, { needWeights: true });
        expect([...output.toArray()]).toEqual(Array(L).fill(1));
        const sums = weights.toNested().map((row) => row.reduce((sum, weight) => sum + weight, 0));
        sums.forEach((sum) => expect(Math.abs(sum - 1)).toBeLessThanOrEqual(2 ** -20));
        if (L === 1) expect([...weights.toArray()]).toEqual([0, 0, 0, 0, 0, 1]);
      });
    }
  });

  describe("operations on rows", () => {
    const width = 96;
    const COUNTS = [1, 2, 3, 5, 8, 33, 96, 97];

    it.each<[string, (input: Tensor) => Tensor]>([
      ["softmax", (input) => softmax(input)],
      ["layerNorm", (input) => layerNorm(input, width)],
      ["rmsNorm", (input) => rmsNorm(input, width)],
      ["gelu", (input) => gelu(input)],
      ["gelu, tanh", (input) => gelu(input, { approximate: "tanh" })],
      ["silu", (input) => silu(input)],
      ["relu", (input) => relu(input)],
      [
        "rotaryEmbedding",
        (input) => rotaryEmbedding(input, { positionIds: Array.from({ length: input.shape[0] }, (_, i) => i) }),
      ],
      ["linear", (input) => linear(input, weightOf(70, width), biasOf(70))],
    ])("%s", (_, operation) => {
      scope(() => {
        manualSeed(2);
        const data = randn([97, width]).toArray();
        const ofRows = (count: number): Float32Array =>
          operation(Tensor.from(data.slice(0, count * width), [count, width])).toArray() as Float32Array;
        const all = ofRows(97);
        for (const count of COUNTS) expect(ofRows(count)).toEqual(all.slice(0, (all.length / 97) * count));
        // Not only the first ones.
        const last = operation(Tensor.from(data.slice(-width), [1, width]));
        if (operation.toString().includes("positionIds")) return;
        expect(last.toArray()).toEqual(all.slice(-last.toArray().length));
      });
    });

    it("Linear", () => {
      scope(() => {
        manualSeed(3);
        const layer = new Linear(width, 50);
        const input = randn([97, width]);
        const all = layer.forward(input).toArray();
        for (const count of COUNTS) {
          const part = Tensor.from(input.toArray().slice(0, count * width), [count, width]);
          expect(layer.forward(part).toArray()).toEqual(all.slice(0, count * 50));
        }
        layer.dispose();
      });
    });

    function weightOf(rows: number, columns: number): { data: Float32Array; shape: number[] } {
      return {
        data: Float32Array.from({ length: rows * columns }, (_, i) => ((i * 37) % 101) / 50 - 1),
        shape: [rows, columns],
      };
    }

    function biasOf(rows: number): { data: Float32Array; shape: number[] } {
      return { data: Float32Array.from({ length: rows }, (_, i) => i / rows), shape: [rows] };
    }
  });

  describe("layers", () => {
    const [batch, length, width] = [3, 40, 24];

    it("SelfAttention: the first tokens of a causal sequence don't depend on those that follow", () => {
      scope(() => {
        manualSeed(4);
        const layer = new SelfAttention(width, 4, { numKvHeads: 2, rotary: true }).eval();
        const input = randn([batch, length, width]);
        const elements = input.toArray();
        const whole = layer.forward(input, { isCausal: true }).output.toArray() as Float32Array;
        for (const count of [1, 2, 3, 5, 8, 9, 33]) {
          for (let b = 0; b < batch; b++) {
            const start = b * length * width;
            const prefix = Tensor.from(elements.slice(start, start + count * width), [1, count, width]);
            const { output } = layer.forward(prefix, { isCausal: true });
            expect(output.toArray()).toEqual(whole.slice(start, start + count * width));
          }
        }
        layer.dispose();
      });
    });

    it("MultiheadAttention: a query alone, and a batch alone", () => {
      scope(() => {
        manualSeed(5);
        const layer = new MultiheadAttention(width, 4, { batchFirst: true, addBiasKv: true, addZeroAttn: true }).eval();
        const [query, memory] = [randn([batch, length, width]), randn([batch, 300, width])];
        const part = (tensor: Tensor, b: number, start: number, count: number): Tensor => {
          const from = (b * tensor.shape[1] + start) * width;
          return Tensor.from((tensor.toArray() as Float32Array).slice(from, from + count * width), [1, count, width]);
        };
        const whole = layer.forward(query, memory, memory, { needWeights: true, averageAttnWeights: false });
        for (let b = 0; b < batch; b++) {
          const itsMemory = part(memory, b, 0, 300);
          for (const [start, count] of [
            [0, 1],
            [5, 2],
            [12, 8],
            [39, 1],
            [0, 40],
          ]) {
            const results = layer.forward(part(query, b, start, count), itsMemory, itsMemory, {
              needWeights: true,
              averageAttnWeights: false,
            });
            expect(results.output).toEqual(part(whole.output, b, start, count));
            const keys = whole.weights.shape[3];
            const rows = (results.weights.toArray() as Float32Array).slice(0, count * keys);
            const first = (b * 4 * length + start) * keys;
            expect(rows).toEqual((whole.weights.toArray() as Float32Array).slice(first, first + count * keys));
          }
        }
        layer.dispose();
      });
    });
  });
});
