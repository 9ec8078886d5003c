import { checkInteger } from "../arguments.js";
import { checkShape } from "../tensor/shape.js";
import { createTensor, type Tensor } from "../tensor/tensor.js";

const OPERATION = "generateSquareSubsequentMask";

/**
 * The causal mask of a sequence, to be added to scores: 0 on the diagonal and below it, -Infinity above. PyTorch's
 * `nn.Transformer.generate_square_subsequent_mask`. The option `isCausal` does the same without a mask, and faster.
 *
 * @example
 * ```js
 * import { init } from "wasm-attention";
 * import { generateSquareSubsequentMask } from "wasm-attention/nn";
 *
 * await init();
 * console.log(generateSquareSubsequentMask(2).toNested()); // [[0, -Infinity], [0, 0]]
 * ```
 *
 * @param length The number of tokens.
 * @returns `[length, length]`, float32.
 * @throws {TypeError} for anything but a number.
 * @throws {RangeError} for a negative or fractional one, and for lack of memory.
 * @throws {AttentionError} before `init`.
 */
export function generateSquareSubsequentMask(length: number): Tensor<"float32"> {
  const n = checkInteger(OPERATION, "length", length, 0);
  const mask = createTensor(OPERATION, checkShape(OPERATION, "[length, length]", [n, n]), "float32");
  const elements = mask.view().fill(0);
  for (let row = 0; row < n; row++) elements.fill(-Infinity, row * n + row + 1, (row + 1) * n);
  return mask;
}
