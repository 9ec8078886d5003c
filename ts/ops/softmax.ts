import type { FloatDType } from "../tensor/dtype.js";
import type { Tensor } from "../tensor/tensor.js";
import { alongAxis } from "./along-axis.js";
import type { TensorLike } from "./operand.js";

/** Options of `softmax` and `logSoftmax`. */
export interface SoftmaxOptions {
  /** Along which axis the results add up to 1; negative ones count from the last. Default: -1. */
  axis?: number;
}

/**
 * exp(input − m) / Σ exp(input − m) along an axis, with m the maximum.
 *
 * As in PyTorch, where there is NaN or +Infinity, or nothing but -Infinity, all results along the axis are NaN.
 * (Attention is gentler to rows that see nothing.) In float32 the error is at most 2^-24 · (12 + |input − m| + n/1024) ·
 * result + 2^-100, with n the size of the axis; what is below 2^-100 of the largest may be 0.
 *
 * @example
 * ```js
 * import { init, softmax } from "wasm-attention";
 *
 * await init();
 * const weights = softmax({ data: [0, 0, 0, 0], shape: [2, 2] });
 * console.log(weights.toNested()); // [[0.5, 0.5], [0.5, 0.5]]
 * ```
 *
 * @param input Any shape; float32, float16 or bfloat16.
 * @param options The axis; the last by default.
 * @returns A tensor of the input's shape and dtype.
 * @throws {TypeError} for another dtype.
 * @throws {RangeError} for an axis that the input hasn't, and for lack of memory.
 */
export const softmax = (input: TensorLike, options?: SoftmaxOptions): Tensor<FloatDType> =>
  alongAxis("softmax", input, options, (kernels, ...where) => kernels.softmax(...where));

/**
 * The logarithm of `softmax`: input − m − ln Σ exp(input − m) along an axis, with m the maximum. Small probabilities keep their
 * digits, and -Infinity stays.
 *
 * As in PyTorch, where there is NaN or +Infinity, or nothing but -Infinity, all results along the axis are NaN. In float32 the
 * error is at most 2^-24 · (12 + ln n + 3 · |result| + n/1024), with n the size of the axis.
 *
 * @param input Any shape; float32, float16 or bfloat16.
 * @param options The axis; the last by default.
 * @returns A tensor of the input's shape and dtype.
 * @throws {TypeError} for another dtype.
 * @throws {RangeError} for an axis that the input hasn't, and for lack of memory.
 */
export const logSoftmax = (input: TensorLike, options?: SoftmaxOptions): Tensor<FloatDType> =>
  alongAxis("logSoftmax", input, options, (kernels, ...where) => kernels.log_softmax(...where));
