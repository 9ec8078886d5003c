// The package in a test runner: loading, an operation, a layer, a file whose names are not ASCII.
import {
  init,
  Linear,
  loadSafetensors,
  memoryUsage,
  saveSafetensors,
  scaledDotProductAttention,
  Tensor,
} from "wasm-attention";

beforeAll(async () => {
  await init();
});

test("an operation", () => {
  const row = (...numbers) => ({ data: Float32Array.from(numbers), shape: [1, numbers.length] });
  const { output } = scaledDotProductAttention(row(1, 0, 1), row(1, 1, 1), row(1, 2, 3));
  expect([...output.toArray()]).toEqual([1, 2, 3]);
  output.dispose();
});

test("a file with names of every length in UTF-8", () => {
  const names = ["weight", "größe", "重み", "𝛽.😀"];
  const tensors = Object.fromEntries(names.map((name, index) => [name, Tensor.from([index, 0.5])]));
  const { tensors: read, metadata } = loadSafetensors(saveSafetensors(tensors, { 著者: "Jürgen 😀" }));
  expect([...read.keys()].sort()).toEqual([...names].sort());
  expect(metadata).toEqual({ 著者: "Jürgen 😀" });
  for (const [index, name] of names.entries()) expect([...read.get(name).toArray()]).toEqual([index, 0.5]);
});

test("a layer's memory comes back", () => {
  const before = memoryUsage().bytesInUse;
  const layer = new Linear(2, 3);
  expect(memoryUsage().bytesInUse).toBeGreaterThan(before);
  layer.dispose();
  expect(memoryUsage().bytesInUse).toBe(before);
});
