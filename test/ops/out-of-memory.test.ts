/**
 * Every operation when memory ends, at whichever of its allocations: a RangeError, nothing left behind, and the same
 * call works when there is room again.
 */
import { afterAll, beforeAll, expect, it } from "vitest";
import {
  embedding,
  gelu,
  init,
  layerNorm,
  Linear,
  linear,
  loadSafetensors,
  memoryUsage,
  rand,
  randn,
  relu,
  rmsNorm,
  rotaryEmbedding,
  type Runtime,
  saveSafetensors,
  silu,
  sinusoidalPositions,
  softmax,
  Tensor,
} from "../../ts/entry/default.js";
import { randomOperand } from "../cases/layer-operands.js";
import { expectError } from "../support/expect-error.js";

const LIMIT = 4 * 2 ** 20;
const STEP = 4 * 1024;

let runtime: Runtime;
let layer: Linear;
beforeAll(async () => {
  runtime = await init({ maximumMemory: LIMIT });
  layer = new Linear(32, 64, { activation: "silu" });
});
afterAll(() => runtime.dispose());

// 16-bit operands that are not tensors need the most: the copy, the widened copy, and the result in both widths.
const input = randomOperand(1, "float16", [2, 4, 30, 32]);
const weight = randomOperand(2, "bfloat16", [64, 32]);
const table = randomOperand(3, "float16", [300, 32]);
const gain = randomOperand(4, "bfloat16", [32]);
const ids = { data: new Int32Array(60).fill(299), shape: [2, 30] };
const angles = randomOperand(5, "float16", [600, 16]);
const file = (() => {
  const header =
    '{"a":{"dtype":"F32","shape":[9999],"data_offsets":[0,39996]},' +
    '"b":{"dtype":"BF16","shape":[5000],"data_offsets":[39996,49996]}}';
  const bytes = new Uint8Array(8 + header.length + 49_996);
  new DataView(bytes.buffer).setBigUint64(0, BigInt(header.length), true);
  bytes.set(new TextEncoder().encode(header), 8);
  return bytes;
})();

/** Each with what it gives, to be disposed. */
const operations: [string, () => { dispose(): void }[]][] = [
  ["softmax", () => [softmax(input, { axis: 1 })]],
  ["linear", () => [linear(input, weight, { data: new Uint16Array(64), shape: [64], dtype: "float16" })]],
  ["Linear", () => [new Linear(32, 64, { activation: "gelu" })]],
  // With the packed weight, which it then keeps.
  ["Linear.forward", () => [layer.forward(input), { dispose: () => layer.dropPackedWeights() }]],
  ["layerNorm", () => [layerNorm(input, 32, gain, gain)]],
  ["rmsNorm", () => [rmsNorm(input, 32, gain)]],
  ["gelu", () => [gelu(input)]],
  ["silu", () => [silu(input)]],
  ["relu", () => [relu(input)]],
  ["rotaryEmbedding", () => [rotaryEmbedding(input, { positionIds: ids })]],
  ["rotaryEmbedding with tables", () => [rotaryEmbedding(input, { cosine: angles, sine: angles, positionIds: ids })]],
  ["embedding", () => [embedding(ids, table)]],
  ["sinusoidalPositions", () => [sinusoidalPositions(300, 64)]],
  ["rand", () => [rand([9999], { dtype: "bfloat16" })]],
  ["randn", () => [randn([9999], { seed: 1 })]],
  ["loadSafetensors", () => [...loadSafetensors(file).tensors.values()]],
  ["saveSafetensors", () => (saveSafetensors({ input, weight, table }), [])],
];

/** Whether there is memory for the call. No scope: what it leaves behind shows. */
function attempt(run: () => { dispose(): void }[]): boolean {
  const before = memoryUsage().bytesInUse;
  try {
    for (const result of run()) result.dispose();
    return true;
  } catch (error) {
    expectError(error, RangeError, "ERR_OUT_OF_MEMORY", /out of memory/);
    return false;
  } finally {
    expect(memoryUsage().bytesInUse).toBe(before);
  }
}

it.each(operations)("%s", (_, run) => {
  const outcomes: boolean[] = [];
  const ballast: Tensor[] = [];
  try {
    // A step at a time, until nothing is left.
    for (;;) {
      outcomes.push(attempt(run));
      ballast.push(Tensor.from(new Uint8Array(STEP)));
    }
  } catch (error) {
    expectError(error, RangeError, "ERR_OUT_OF_MEMORY", /^Tensor.from: out of memory/);
  } finally {
    for (const tensor of ballast) tensor.dispose();
  }
  // It works while there is room, and never once there is too little.
  expect(outcomes).toContain(true);
  expect(outcomes).toContain(false);
  expect(outcomes.indexOf(false)).toBe(outcomes.lastIndexOf(true) + 1);
  expect(attempt(run)).toBe(true);
});
