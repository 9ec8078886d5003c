/** After any mixture of calls, disposals and errors, the bytes in use are where they began. */
import fc from "fast-check";
import { expect, it } from "vitest";
import {
  embedding,
  gelu,
  layerNorm,
  Linear,
  linear,
  loadSafetensors,
  memoryUsage,
  MultiheadAttention,
  rand,
  randn,
  relu,
  rmsNorm,
  rotaryEmbedding,
  saveSafetensors,
  scaledDotProductAttention,
  scope,
  SelfAttention,
  silu,
  sinusoidalPositions,
  softmax,
  Tensor,
} from "../../ts/entry/default.js";
import { forEachArithmetic } from "../support/arithmetics.js";

const CALLS = 1000;

interface Disposable {
  dispose(): void;
}

/** Each gives what is left to dispose. `n` varies the sizes. */
const actions: Record<string, (n: number) => Disposable[]> = {
  attention: (n) => {
    const [query, key] = [randn([1, 2, n, 8]), randn([1, 1, n + 3, 8])];
    const { output } = scaledDotProductAttention(query, key, key, { isCausal: n % 2 === 0 });
    return [query, key, output];
  },
  "attention with everything": (n) => {
    const x = { data: new Float32Array(4 * n), shape: [n, 4] };
    const results = scaledDotProductAttention(x, x, x, {
      attnMask: { data: new Uint8Array(2 * n).fill(1), shape: [2 * n] },
      pastKey: x,
      pastValue: x,
      sinks: [0.5],
      alibiSlopes: [0.25],
      dropoutP: 0.5,
      seed: n,
      needLogSumExp: true,
      needWeights: { averageHeads: true },
    });
    return Object.values(results) as Tensor[];
  },
  "attention in 16 bits": (n) => {
    const x = randn([1, n, 1, 8], { dtype: "float16" });
    return [x, scaledDotProductAttention(x, x, x, { layout: "BLHD" }).output];
  },
  "attention refused": (n) => {
    const x = { data: new Float32Array(4 * n), shape: [n, 4] };
    expect(() => scaledDotProductAttention(x, x, x, { scale: NaN })).toThrow(RangeError);
    expect(() => scaledDotProductAttention(x, x, { data: x.data, shape: [4, n, 1] })).toThrow(RangeError);
    return [];
  },
  "attention without the memory": () => {
    const x = { data: new Float32Array(2 ** 17), shape: [2 ** 17, 1] };
    expect(() => scaledDotProductAttention(x, x, x, { needWeights: true })).toThrow(RangeError);
    return [];
  },
  "multi-head attention": (n) => {
    const attention = new MultiheadAttention(8, 2, { addBiasKv: n % 2 === 0, dropout: 0.1 });
    const x = rand([n, 1, 8]);
    const { output, weights } = attention.forward(x, x, x, { needWeights: true, isCausal: true });
    return [attention, x, output, ...(weights === undefined ? [] : [weights])];
  },
  "self-attention refused": (n) => {
    const attention = new SelfAttention(8, 2);
    expect(() => attention.forward(new Float32Array(n) as never)).toThrow(TypeError);
    expect(() => attention.forward({ data: new Float32Array(7 * n), shape: [1, n, 7] })).toThrow(RangeError);
    return [attention];
  },
  layers: (n) =>
    scope(() => {
      const x = randn([n, 6], { dtype: n % 2 === 0 ? "float32" : "bfloat16" });
      const activated = [gelu, silu, relu, softmax].map((operation) => operation(x));
      return [...activated, layerNorm(x, [6]), rmsNorm(x, [6]), linear(x, rand([3, 6], { dtype: x.dtype }))];
    }),
  "a linear layer": (n) => {
    const layer = new Linear(6, n, { bias: n % 2 === 0, activation: "gelu" });
    layer.loadStateDict({ weight: rand([n, 6], { dtype: "bfloat16" }) }, { strict: false });
    expect(() => layer.forward({ data: new Float32Array(n), shape: [n, 1] })).toThrow(RangeError);
    return [layer, layer.forward(randn([n, 6], { dtype: "float16" }))];
  },
  positions: (n) => {
    const table = sinusoidalPositions(n, 8);
    return [
      table,
      embedding([0, n - 1], table),
      rotaryEmbedding({ data: new Float32Array(8 * n), shape: [1, 1, n, 8] }),
    ];
  },
  "layers refused": (n) => {
    const x = Tensor.from(new Float32Array(n), [n]);
    expect(() => linear(x, { data: new Float32Array(n + 1), shape: [1, n + 1] })).toThrow(RangeError);
    expect(() => embedding([n], { data: x.toArray(), shape: [n, 1] })).toThrow(RangeError);
    x.dispose();
    expect(() => gelu(x)).toThrow(TypeError);
    return [];
  },
  safetensors: (n) => {
    const x = rand([n]);
    const bytes = saveSafetensors({ x, y: Tensor.from(new Int32Array(n)) });
    expect(() => loadSafetensors(bytes.subarray(0, bytes.length - 1))).toThrow();
    return [x, ...loadSafetensors(bytes).tensors.values()];
  },
  tensors: (n) => {
    const x = Tensor.from(new Float32Array(n));
    expect(() => x.reshape([n + 1])).toThrow(RangeError);
    return [x, x.reshape([1, n]), x.to("float16"), x.to("bool")];
  },
};

forEachArithmetic(() => {
  it(`${CALLS} calls, disposals and errors of every kind`, () => {
    const before = memoryUsage().bytesInUse;
    const choice = fc.tuple(fc.constantFrom(...Object.keys(actions)), fc.integer({ min: 1, max: 40 }), fc.nat());
    const alive: Disposable[] = [];
    for (const [name, n, order] of fc.sample(choice, { seed: 7, numRuns: CALLS })) {
      alive.push(...scope(() => actions[name](n)));
      // Out of order, so that the memory is fragmented.
      while (alive.length > 50) alive.splice(order % alive.length, 1)[0].dispose();
    }
    for (const result of alive) result.dispose();
    expect(memoryUsage().bytesInUse).toBe(before);
  });
});
