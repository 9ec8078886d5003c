import { shapeError } from "../errors.js";
import { float32View } from "../runtime/memory.js";
import type { FloatDType } from "../tensor/dtype.js";
import { requireShape } from "../tensor/shape.js";
import type { Tensor } from "../tensor/tensor.js";
import { runCall } from "./call.js";
import { describeFloat } from "./float-operand.js";
import { describeMask, type MaskLike } from "./mask-operand.js";
import { numbersIn } from "./numbers.js";
import type { TensorLike } from "./operand.js";

const OPERATION = "maskedMean";

/** What the gradient of `maskedMean` needs of a call. */
export interface MaskedMeanDetails {
  /** The mask's elements. */
  readonly mask: readonly number[];
  readonly sizes: readonly [batch: number, length: number, columns: number];
}

/**
 * The mean of the rows that a mask lets through, as sentence embeddings take it: Σ mask · input / d over L, with d = max(Σ mask,
 * 1e-9).
 *
 * Rows whose mask is 0 enter no sum, whatever they hold: NaN in padding doesn't leak. Where nothing is seen the result is 0. With n
 * = L and a mask that is nowhere negative the error in float32 is at most 2^-24 · (n + 3) · Σ |mask · input| / d. The mask is a
 * constant: no gradient flows through it.
 *
 * @example
 * ```js
 * import { init, maskedMean } from "wasm-attention";
 *
 * await init();
 * const tokens = { data: [1, 2, 3, 4, NaN, NaN], shape: [1, 3, 2] };
 * console.log(maskedMean(tokens, [[1, 1, 0]]).toNested()); // [[2, 3]]
 * ```
 *
 * @param input `[B, L, E]`; float32, float16 or bfloat16.
 * @param mask `[B, L]`, true or 1 where there is a token; a float mask is what rows are weighted by.
 * @returns `[B, E]` in the input's dtype.
 * @throws {TypeError} for another dtype, and for what is no mask.
 * @throws {RangeError} for shapes that don't fit, and for lack of memory.
 */
export function maskedMean(input: TensorLike, mask: MaskLike): Tensor<FloatDType> {
  const x = describeFloat(OPERATION, "input", input);
  if (x.shape.length !== 3) throw shapeError(OPERATION, "input", "shape [B, L, E]", x.shape);
  const [batch, length, columns] = x.shape;
  const operand = describeMask(OPERATION, "mask", mask);
  requireShape(OPERATION, operand, [[batch, length]], ", the input's first axes");
  const details: MaskedMeanDetails = {
    mask: numbersIn(OPERATION, operand).values,
    sizes: [batch, length, columns],
  };

  return runCall(OPERATION, (call) => {
    const source = call.inputAsFloat32(x);
    const weights = call.words(float32View, details.mask);
    const output = call.outputFromFloat32([batch, columns], x.dtype, (target) =>
      call.kernel((kernels) => kernels.masked_mean(target, source, weights, ...details.sizes)),
    );
    return call.record("maskedMean", [x], output, details);
  });
}
