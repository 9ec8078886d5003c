import { checkInteger } from "../arguments.js";
import { checkShape } from "../tensor/shape.js";
import { pointerOf, type Tensor } from "../tensor/tensor.js";
import { runCall } from "./call.js";

const OPERATION = "sinusoidalPositions";

/**
 * The position table of "Attention Is All You Need" (Vaswani et al. 2017, 3.5): column 2i of row p is sin(p ·
 * 10000^(−2i / embedDim)), column 2i + 1 the cosine of the same. Within 2^-24 of the truth for positions up to a million.
 *
 * @param length The number of positions.
 * @param embedDim The number of columns; an odd one ends with a sine.
 * @returns `[length, embedDim]`, float32.
 * @throws {TypeError} for anything but numbers.
 * @throws {RangeError} for negative or fractional ones, and for lack of memory.
 */
export function sinusoidalPositions(length: number, embedDim: number): Tensor<"float32"> {
  const rows = checkInteger(OPERATION, "length", length, 0);
  const width = checkInteger(OPERATION, "embedDim", embedDim, 0);
  const shape = checkShape(OPERATION, "[length, embedDim]", [rows, width]);
  return runCall(OPERATION, (call) => {
    const output = call.output(shape, "float32");
    call.kernel((kernels) => kernels.sinusoidal_positions(pointerOf(output), rows, width));
    return output;
  });
}
