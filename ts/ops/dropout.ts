import { checkNumber, checkOptions, checkSeed } from "../arguments.js";
import type { FloatDType } from "../tensor/dtype.js";
import { elementCount } from "../tensor/shape.js";
import type { Tensor } from "../tensor/tensor.js";
import { runCall } from "./call.js";
import { describeFloat } from "./float-operand.js";
import type { TensorLike } from "./operand.js";
import { drawSeed } from "./random.js";

const OPERATION = "dropout";

/** Options of `dropout`. */
export interface DropoutOptions {
  /** Probability of dropping an element, from 0 to 1. Default: 0.5. */
  p?: number;
  /**
   * An integer from 0 to 2^53 − 1, or a bigint from 0 to 2^64 − 1: what is dropped depends on it, `p` and an element's place alone.
   * Default: one draw from the package's generator, where p isn't 0.
   */
  seed?: number | bigint;
}

/** What the kernel takes of dropout: the threshold that a kept element's word reaches, the kept ones' scale, and the seed. */
export type DropoutDetails = readonly [threshold: number, scale: number, seedLow: number, seedHigh: number];

/** Which random words keep an element, and what it is then multiplied by. */
export const thresholdAndScale = (p: number): [threshold: number, scale: number] => [
  // For a probability of 1 the scale of 0 drops what the threshold can't.
  Math.min(Math.floor(p * 2 ** 32), 2 ** 32 - 1),
  p === 1 ? 0 : 1 / (1 - p),
];

/**
 * Zeroes elements at random, each with probability p, and multiplies the others by 1 / (1 − p): always, whatever mode a layer is
 * in. (Srivastava et al. 2014, "Dropout: A Simple Way to Prevent Neural Networks from Overfitting".)
 *
 * Element e, counted in row-major order, is kept when word e mod 4 of Philox4x32-10 at counter (⌊e / 4⌋ mod 2^32, ⌊e / 2^34⌋, 2,
 * 2^32 − 1) under the seed is at least ⌊p · 2^32⌋: the same on every host. As in PyTorch NaN and infinity that are dropped become
 * NaN. The error is at most 2^-23 · |result| + 2^-149.
 *
 * @param input Any shape; float32, float16 or bfloat16.
 * @param options The probability and the seed.
 * @returns A tensor of the input's shape and dtype.
 * @throws {TypeError} for another dtype, and for wrong kinds.
 * @throws {RangeError} for a probability outside of 0 to 1, a wrong seed, and for lack of memory.
 */
export function dropout(input: TensorLike, options?: DropoutOptions): Tensor<FloatDType> {
  const { p = 0.5, seed } = checkOptions(OPERATION, options, ["p", "seed"]);
  const x = describeFloat(OPERATION, "input", input);
  const [threshold, scale] = thresholdAndScale(checkNumber(OPERATION, "p", p, 0, 1));
  const { low, high } = checkSeed(OPERATION, "seed", seed ?? (p === 0 ? 0 : drawSeed(OPERATION)));
  const details: DropoutDetails = [threshold, scale, low, high];

  return runCall(OPERATION, (call) => {
    const source = call.inputAsFloat32(x);
    const output = call.outputFromFloat32(x.shape, x.dtype, (target) =>
      call.kernel((kernels) => kernels.dropout(target, source, elementCount(x.shape), ...details)),
    );
    return call.record("dropout", [x], output, details);
  });
}
