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
  scope,
  silu,
  sinusoidalPositions,
  softmax,
  Tensor,
} from "../ts/entry/default.js";
import { linearPacked, packLinear } from "../ts/ops/linear.js";
import { randomOperand } from "./cases/layer-operands.js";
import { expectError } from "./expect-error.js";

const LIMIT = 4 * 2 ** 20;
const STEP = 16 * 1024;

let runtime: Runtime;
beforeAll(async () => {
  runtime = await init({ maximumMemory: LIMIT });
});
afterAll(() => runtime.dispose());

// 16-bit operands that are not tensors need the most: the copy, the widened copy, and the result in both widths.
const input = randomOperand(1, "float16", [2, 4, 30, 32]);
const weight = randomOperand(2, "bfloat16", [64, 32]);
const table = randomOperand(3, "float16", [300, 32]);
const gain = randomOperand(4, "bfloat16", [32]);
const ids = { data: new Int32Array(60).fill(299), shape: [2, 30] };
const bytes = (): Uint8Array => {
  const header =
    '{"a":{"dtype":"F32","shape":[9999],"data_offsets":[0,39996]},"b":{"dtype":"BF16","shape":[2],"data_offsets":[39996,40000]}}';
  const file = new Uint8Array(8 + header.length + 40_000);
  new DataView(file.buffer).setBigUint64(0, BigInt(header.length), true);
  file.set(new TextEncoder().encode(header), 8);
  return file;
};

const operations: [string, () => unknown][] = [
  ["softmax", () => softmax(input, { axis: 1 })],
  ["linear", () => linear(input, weight, { ...gain, data: new Uint16Array(64), shape: [64] })],
  ["packLinear and linearPacked", () => scope(() => linearPacked("test", "x", input, packLinear("test", weight)))],
  ["layerNorm", () => layerNorm(input, 32, gain, gain)],
  ["rmsNorm", () => rmsNorm(input, 32, gain)],
  ["gelu", () => gelu(input)],
  ["silu", () => silu(input)],
  ["relu", () => relu(input)],
  ["rotaryEmbedding", () => rotaryEmbedding(input, { positionIds: ids })],
  ["rotaryEmbedding with tables", () => rotaryEmbedding(input, { cosine: { ...table, shape: [600, 16] }, sine: { ...table, shape: [600, 16] }, positionIds: ids })], // prettier-ignore
  ["embedding", () => embedding(ids, table)],
  ["sinusoidalPositions", () => sinusoidalPositions(300, 64)],
  ["rand", () => rand([9999], { dtype: "bfloat16" })],
  ["randn", () => randn([9999], { seed: 1 })],
  ["loadSafetensors", () => loadSafetensors(bytes())],
  ["saveSafetensors", () => saveSafetensors({ input, weight, table })],
];

it.each(operations)("%s", (_, run) => {
  const attempt = (): boolean => {
    const before = memoryUsage().bytesInUse;
    try {
      scope(() => void run());
      return true;
    } catch (error) {
      expectError(error, RangeError, "ERR_OUT_OF_MEMORY", /out of memory/);
      return false;
    } finally {
      expect(memoryUsage().bytesInUse).toBe(before);
    }
  };
  const outcomes: boolean[] = [];
  // Ballast until nothing is left, a step at a time.
  const ballast: Tensor[] = [];
  try {
    for (;;) {
      outcomes.push(attempt());
      ballast.push(Tensor.from(new Uint8Array(STEP)));
    }
  } catch (error) {
    expectError(error, RangeError, "ERR_OUT_OF_MEMORY", /out of memory/);
  } finally {
    for (const tensor of ballast) tensor.dispose();
  }
  expect(outcomes).toContain(false);
  // It works while there is room, and never again once there is too little.
  expect(outcomes.indexOf(false)).toBe(outcomes.lastIndexOf(true) + 1);
  expect(attempt()).toBe(true);
});
