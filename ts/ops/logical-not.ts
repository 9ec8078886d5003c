import { typeError } from "../errors.js";
import { uint8View } from "../runtime/memory.js";
import { elementCount } from "../tensor/shape.js";
import { pointerOf, type Tensor } from "../tensor/tensor.js";
import { runCall } from "./call.js";
import { describeMask, type MaskLike } from "./mask-operand.js";

const OPERATION = "logicalNot";

/**
 * True where the input is false, and the reverse: ONNX's `Not`. It turns a mask of tokens, as tokenizers give it, into the padding
 * mask that PyTorch's modules take, where true hides. No gradient flows through it.
 *
 * @example
 * ```js
 * import { init, logicalNot } from "wasm-attention";
 *
 * await init();
 * console.log(logicalNot([[1, 1, 0]]).toNested()); // [[false, false, true]]
 * ```
 *
 * @param input Any shape: a bool tensor, a Uint8Array, or (nested) arrays of booleans or of 0 and 1, bigints too.
 * @returns A tensor of the input's shape, bool.
 * @throws {TypeError} for another dtype, and for what is no mask.
 * @throws {RangeError} for other numbers than 0 and 1, and for lack of memory.
 */
export function logicalNot(input: MaskLike): Tensor<"bool"> {
  const mask = describeMask(OPERATION, "input", input);
  if (mask.dtype !== "bool") throw typeError(OPERATION, "input", 'bool (of 0 and 1: .to("bool"))', mask.dtype);
  const count = elementCount(mask.shape);
  return runCall(OPERATION, (call) => {
    const source = call.input(mask);
    const output = call.output(mask.shape, "bool");
    // A byte an element, which no kernel could make much faster. The views come after all that allocates.
    const [from, to] = [uint8View(source, count), uint8View(pointerOf(output), count)];
    for (let index = 0; index < count; index++) to[index] = Number(from[index] === 0);
    return output;
  });
}
