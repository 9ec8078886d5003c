// A step of learning in both arithmetics, of a layer without bias; who calls it has imported the tape, in one way or another.
import { init, Linear, memoryUsage, scope } from "wasm-attention";

const input = [0.5, -1, 2];
const weight = [0.25, 0.5, -0.75, 1, -0.5, 0.125];
const LEARNING_RATE = 0.01;

/** What the layer computes, in float64. */
const outputs = [0, 1].map((row) => input.reduce((sum, x, column) => sum + x * weight[row * 3 + column], 0));

/** The largest difference of the weight's gradient from float64, and its bits, eight hexadecimal digits an element. */
function step(lossOf, outputGradients) {
  const layer = new Linear(3, 2, { bias: false });
  layer.loadStateDict({ weight: { data: weight, shape: [2, 3] } });
  const x = { data: input, shape: [1, 3] };
  const before = lossOf(layer.forward(x));
  before.backward();
  const gradient = layer.weight.grad.toArray();
  const learned = weight.map((element, index) => element - LEARNING_RATE * gradient[index]);
  layer.loadStateDict({ weight: { data: learned, shape: [2, 3] } });
  const after = lossOf(layer.forward(x));
  const isBetter = after.item() < before.item();
  layer.dispose();
  if (!isBetter) throw new Error("the step made the loss no smaller");
  const expected = outputGradients.flatMap((slope) => input.map((element) => slope * element));
  return {
    error: Math.max(...expected.map((element, index) => Math.abs(gradient[index] - element))),
    bits: Array.from(new Uint32Array(gradient.buffer), (word) => word.toString(16).padStart(8, "0")).join(""),
  };
}

/**
 * By arithmetic: what `step` found, and the bytes that are left over.
 * @param lossOf of a tensor [1, 2]
 * @param gradientsOf the gradient of that loss in float64
 */
export async function learnInBoth(lossOf, gradientsOf) {
  const results = {};
  for (const deterministic of [true, false]) {
    const runtime = await init({ deterministic });
    const before = memoryUsage().bytesInUse;
    const found = scope(() => step(lossOf, gradientsOf(outputs)));
    results[runtime.arithmetic] = { ...found, left: memoryUsage().bytesInUse - before };
    runtime.dispose();
  }
  return results;
}
