/**
 * Losses and their gradients when memory ends, at whichever of their allocations: a RangeError, nothing left behind, no gradient
 * changed, and the same call works when there is room again.
 */
import { afterAll, beforeAll, expect, it } from "vitest";
import { init, memoryUsage, type Runtime, Tensor, type TensorData } from "../../ts/entry/default.js";
import {
  binaryCrossEntropyWithLogits,
  crossEntropy,
  ctcLoss,
  distillationLoss,
  mseLoss,
} from "../../ts/entry/train.js";
import { randomOperand } from "../cases/layer-operands.js";
import { expectError } from "../support/expect-error.js";

let runtime: Runtime;
beforeAll(async () => {
  runtime = await init({ maximumMemory: 4 * 2 ** 20 });
});
afterAll(() => runtime.dispose());

const SHAPE = [40, 4, 50];
const STEP = 16 * 1024;

/** Arguments that are no tensors have to be copied as well. */
const constant = (seed: number): TensorData => randomOperand(seed, "float16", SHAPE);
const positive = { data: new Float32Array(8000).fill(0.5), shape: SHAPE };
const classes = new Array<number[]>(40).fill([1, 2, 3, 4]);
const lengths = [20, 40, 30, 40];

const losses: Readonly<Record<string, (input: Tensor) => Tensor>> = {
  crossEntropy: (x) => crossEntropy(x, classes, { weight: new Float32Array(50).fill(1), reduction: "none" }),
  "crossEntropy of probabilities": (x) => crossEntropy(x, positive, { labelSmoothing: 0.1 }),
  binaryCrossEntropyWithLogits: (x) => binaryCrossEntropyWithLogits(x, positive, { weight: positive, posWeight: [2] }),
  mseLoss: (x) => mseLoss(x, constant(1)),
  distillationLoss: (x) => distillationLoss(x, constant(2), { temperature: 2 }),
  ctcLoss: (x) => ctcLoss(x, [1, 2, 3, 4, 5, 6, 7, 8], lengths, [1, 2, 2, 3]),
};

it.each(Object.entries(losses))("%s", (_, lossOf) => {
  const { data, shape, dtype } = constant(0) as ReturnType<typeof randomOperand>;
  const input = Tensor.from(data, shape, dtype);
  input.requiresGrad = true;
  const attempt = (): boolean => {
    const before = memoryUsage().bytesInUse;
    let loss: Tensor | undefined;
    let gradient: Tensor | undefined;
    try {
      loss = lossOf(input);
      gradient = loss.shape.length === 0 ? undefined : loss.detach();
      loss.backward(gradient);
      return true;
    } catch (error) {
      expectError(error, RangeError, "ERR_OUT_OF_MEMORY", /out of memory/);
      expect(input.grad).toBe(null);
      return false;
    } finally {
      loss?.dispose();
      gradient?.dispose();
      input.zeroGrad();
      expect(memoryUsage().bytesInUse).toBe(before);
    }
  };
  const outcomes: boolean[] = [];
  const ballast: Tensor[] = [];
  try {
    for (;;) {
      outcomes.push(attempt());
      ballast.push(Tensor.from(new Uint8Array(STEP)));
    }
  } catch (error) {
    expectError(error, RangeError, "ERR_OUT_OF_MEMORY", /^Tensor.from: out of memory/);
  } finally {
    for (const tensor of ballast) tensor.dispose();
  }
  expect(outcomes).toContain(true);
  expect(outcomes).toContain(false);
  expect(outcomes.indexOf(false)).toBe(outcomes.lastIndexOf(true) + 1);
  expect(attempt()).toBe(true);
  input.dispose();
});
