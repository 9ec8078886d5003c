/**
 * The bits of losses, of their gradients and of optimizers' steps: equal on every host, steps in both arithmetics. A change of bits is
 * a minor version: then the hashes here are to be replaced.
 */
import { describe, expect, it } from "vitest";
import { Tensor } from "../../ts/entry/default.js";
import {
  Adam,
  AdamW,
  binaryCrossEntropyWithLogits,
  clipGradNorm,
  cosineSchedule,
  crossEntropy,
  ctcLoss,
  distillationLoss,
  ExponentialMovingAverage,
  mseLoss,
  type Optimizer,
  SGD,
} from "../../ts/entry/train.js";
import { randomOperand } from "../cases/layer-operands.js";
import { forEachArithmetic } from "../support/arithmetics.js";
import { withoutLeak } from "../support/without-leak.js";

/** Fowler, Noll and Vo's hash of 32 bits (1a) over the bytes of elements. */
function hashOf(tensors: readonly (Tensor | null)[]): string {
  let hash = 0x811c9dc5;
  for (const tensor of tensors) {
    const elements = tensor?.toArray() ?? [];
    const bytes = new Uint8Array(Float32Array.from(elements as Float32Array).buffer);
    for (const byte of bytes) hash = Math.imul(hash ^ byte, 0x01000193);
  }
  return (hash >>> 0).toString(16).padStart(8, "0");
}

const tensorOf = (seed: number, shape: readonly number[], amplitude = 1): Tensor => {
  const { data } = randomOperand(seed, "float32", shape, amplitude);
  return Tensor.from(data as Float32Array, shape);
};

const losses: Readonly<Record<string, [hash: { separate: string; fused: string }, loss: (input: Tensor) => Tensor]>> = {
  crossEntropy: [
    { separate: "0420cc89", fused: "0420cc89" },
    (x) =>
      crossEntropy(
        x,
        [
          [3, 70, -100],
          [0, 1, 2],
        ],
        { labelSmoothing: 0.1 },
      ),
  ],
  "crossEntropy of probabilities": [
    { separate: "9f24c389", fused: "783a9407" },
    (x) => crossEntropy(x, tensorOf(2, x.shape), { weight: new Float32Array(71).fill(1.5) }),
  ],
  binaryCrossEntropyWithLogits: [
    { separate: "b8b8cf61", fused: "b8b8cf61" },
    (x) => binaryCrossEntropyWithLogits(x, tensorOf(3, x.shape), { posWeight: [2] }),
  ],
  mseLoss: [{ separate: "8fc4817f", fused: "8fc4817f" }, (x) => mseLoss(x, tensorOf(4, x.shape))],
  distillationLoss: [
    { separate: "fd07a246", fused: "d785612c" },
    (x) => distillationLoss(x, tensorOf(5, x.shape, 3), { temperature: 2 }),
  ],
  ctcLoss: [{ separate: "87cc5660", fused: "87cc5660" }, (x) => ctcLoss(x.reshape([2 * 3, 1, 71]), [4, 4], [6], [2])],
};

const steps: Readonly<Record<string, [hash: string, optimizer: (parameters: Tensor[]) => Optimizer]>> = {
  AdamW: ["e871088c", (p) => new AdamW(p, { lr: 0.01 })],
  "Adam with amsgrad": ["5750d2b1", (p) => new Adam(p, { lr: 0.01, weightDecay: 0.1, amsgrad: true })],
  "SGD with momentum": ["6babf176", (p) => new SGD(p, { lr: 0.1, momentum: 0.9, nesterov: true, weightDecay: 0.1 })],
};

forEachArithmetic((arithmetic) => {
  describe("losses and gradients", () => {
    it.each(Object.entries(losses))("%s", (_, [hashes, lossOf]) => {
      withoutLeak(() => {
        const x = tensorOf(1, [2, 3, 71], 4);
        x.requiresGrad = true;
        const loss = lossOf(x);
        loss.backward();
        expect(hashOf([loss, x.grad])).toBe(hashes[arithmetic]);
      });
    });
  });

  describe("steps", () => {
    it.each(Object.entries(steps))("%s", (_, [hash, optimizerOf]) => {
      withoutLeak(() => {
        const p = tensorOf(6, [5, 21]);
        p.requiresGrad = true;
        const optimizer = optimizerOf([p]);
        const average = new ExponentialMovingAverage([p], { decay: 0.9 });
        const schedule = cosineSchedule({ warmupSteps: 2, totalSteps: 12 });
        for (let step = 0; step < 10; step++) {
          p.zeroGrad();
          p.reshape([5, 21]).backward(tensorOf(7 + step, [5, 21]));
          clipGradNorm([p], 3);
          optimizer.lrFactor = schedule(step);
          optimizer.step();
          average.update();
        }
        expect(hashOf([p, ...average.averages])).toBe(hash);
        optimizer.dispose();
        average.dispose();
      });
    });
  });
});
