/** After any mixture of calls, disposals and errors, the bytes in use are where they began. */
import fc from "fast-check";
import { expect, it } from "vitest";
import {
  embedding,
  gelu,
  linear,
  loadSafetensors,
  memoryUsage,
  rand,
  saveSafetensors,
  scaledDotProductAttention,
  scope,
  SelfAttention,
  Tensor,
} from "../../ts/entry/default.js";
import type { Disposable } from "../cases/operation.js";
import { operations } from "../cases/operations.js";
import { forEachArithmetic } from "../support/arithmetics.js";

const CALLS = 1000;

/** Beside the operations' own mixtures, what they refuse. Each gives what is left to dispose; `n` varies the sizes. */
const actions: Readonly<Record<string, (n: number) => readonly Disposable[]>> = {
  ...Object.fromEntries(operations.map(({ name, mixture }) => [name, mixture])),
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
  "self-attention refused": (n) => {
    const attention = new SelfAttention(8, 2);
    expect(() => attention.forward(new Float32Array(n) as never)).toThrow(TypeError);
    expect(() => attention.forward({ data: new Float32Array(7 * n), shape: [1, n, 7] })).toThrow(RangeError);
    return [attention];
  },
  "layers refused": (n) => {
    const x = Tensor.from(new Float32Array(n), [n]);
    expect(() => linear(x, { data: new Float32Array(n + 1), shape: [1, n + 1] })).toThrow(RangeError);
    expect(() => embedding([n], { data: x.toArray(), shape: [n, 1] })).toThrow(RangeError);
    x.dispose();
    expect(() => gelu(x)).toThrow(TypeError);
    return [];
  },
  "safetensors refused": (n) => {
    const x = rand([n]);
    const bytes = saveSafetensors({ x });
    expect(() => loadSafetensors(bytes.subarray(0, bytes.length - 1))).toThrow();
    return [x];
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
