import { checkNumber } from "../arguments.js";
import { shapeError } from "../errors.js";
import type { Kernels } from "../runtime/build.js";
import type { FloatDType } from "../tensor/dtype.js";
import { checkShape, elementCount, requireShape, sameShape, type Shape } from "../tensor/shape.js";
import type { Tensor } from "../tensor/tensor.js";
import { alongAxis } from "./along-axis.js";
import { runCall } from "./call.js";
import { describeFloat, type FloatOperand } from "./float-operand.js";
import type { TensorLike } from "./operand.js";

const LAYER_NORM_EPSILON = 1e-5;
/** float32's, for every dtype: what PyTorch computes with when it is given none. */
const RMS_NORM_EPSILON = 2 ** -23;

type Kernel = (
  kernels: Kernels,
  output: number,
  input: number,
  weight: number,
  bias: number,
  rows: number,
  columns: number,
) => void;

/** What the gradient of a norm depends on. */
export interface NormDetails {
  readonly x: FloatOperand;
  readonly weight: FloatOperand | undefined;
  readonly rows: number;
  readonly columns: number;
  readonly epsilon: number;
  /** Layer norm's rows are, RMS norm's are not. */
  readonly isCentered: boolean;
}

/** Checks and computes what both norms have in common. */
function norm(
  operation: string,
  input: TensorLike,
  normalizedShape: Shape | number,
  parameters: { readonly weight: TensorLike | undefined; readonly bias?: TensorLike | undefined },
  epsilon: number,
  kernel: Kernel,
): Tensor<FloatDType> {
  const x = describeFloat(operation, "input", input);
  const asList = typeof normalizedShape === "number" ? [normalizedShape] : normalizedShape;
  const sizes = checkShape(operation, "normalizedShape", asList);
  if (sizes.length === 0) throw shapeError(operation, "normalizedShape", "at least one size", sizes);
  // Of an input with fewer axes this leaves some or none: too many together with the sizes, in any case.
  const leading = x.shape.slice(0, x.shape.length - sizes.length);
  if (!sameShape(x.shape, [...leading, ...sizes])) {
    throw shapeError(operation, "input", `shape […, ${sizes.join(", ")}], ending in normalizedShape`, x.shape);
  }
  const readParameter = (argument: "weight" | "bias"): FloatOperand | undefined => {
    const value = parameters[argument];
    if (value === undefined) return undefined;
    const operand = describeFloat(operation, argument, value);
    requireShape(operation, operand, [sizes], ", normalizedShape");
    return operand;
  };
  const weight = readParameter("weight");
  const bias = readParameter("bias");
  checkNumber(operation, "epsilon", epsilon, 0);
  const [rows, columns] = [elementCount(leading), elementCount(sizes)];
  return runCall(operation, (call) => {
    const source = call.inputAsFloat32(x);
    const weights = weight === undefined ? 0 : call.inputAsFloat32(weight);
    const biases = bias === undefined ? 0 : call.inputAsFloat32(bias);
    const result = call.outputFromFloat32(x.shape, x.dtype, (output) =>
      call.kernel((kernels) => kernel(kernels, output, source, weights, biases, rows, columns)),
    );
    const details: NormDetails = { x, weight, rows, columns, epsilon, isCentered: operation === "layerNorm" };
    return call.record("norm", [x, weight, bias], result, details);
  });
}

/**
 * (input − mean) / √(variance + epsilon) · weight + bias, with the mean and the variance of the last axes. (Ba et al. 2016,
 * "Layer Normalization".)
 *
 * Every row of finite numbers has its norm, of whatever magnitude; that of equal numbers is exactly 0 (NaN, 0/0, if
 * epsilon is 0). The variance is the mean of (input − mean)², computed after the mean, and rows whose mean is more than 16
 * times their deviation are computed in float64, so a large mean costs no digits. With n the number of normalized elements,
 * z the result before weight and bias, s = √(variance + epsilon), and c = mean of |input| / s, but at most 17, the error
 * in float32 is at most 2^-24 · ((8 + n/16) · (|z| + c) · |weight| + |result|) + 2^-149 · (1 + |weight| + |weight| / s); the
 * last part counts only where numbers are subnormal.
 *
 * @example
 * ```js
 * import { init, layerNorm } from "wasm-attention";
 *
 * await init();
 * const output = layerNorm({ data: [1, 3, -5, 5], shape: [2, 2] }, 2);
 * console.log(output.toNested()); // about [[-1, 1], [-1, 1]]
 * ```
 *
 * @param input `[…, ...normalizedShape]`; float32, float16 or bfloat16.
 * @param normalizedShape The sizes of the last axes, over which mean and variance are taken; a number for one axis.
 * @param weight `normalizedShape`, of any float dtype; none by default.
 * @param bias Likewise.
 * @param epsilon At least 0. Default: 1e-5, as in PyTorch and ONNX.
 * @returns A tensor of the input's shape and dtype.
 * @throws {TypeError} for another dtype.
 * @throws {RangeError} for shapes that don't fit, a wrong epsilon, and for lack of memory.
 */
export function layerNorm(
  input: TensorLike,
  normalizedShape: Shape | number,
  weight?: TensorLike,
  bias?: TensorLike,
  epsilon = LAYER_NORM_EPSILON,
): Tensor<FloatDType> {
  return norm("layerNorm", input, normalizedShape, { weight, bias }, epsilon, (kernels, ...where) =>
    kernels.layer_norm(...where, epsilon),
  );
}

/**
 * input / √(mean of input² + epsilon) · weight, with the mean over the last axes. (Zhang and Sennrich 2019, "Root Mean Square
 * Layer Normalization".)
 *
 * Every row of finite numbers has its norm, of whatever magnitude (a row of zeros NaN, 0/0, if epsilon is 0). With n the
 * number of normalized elements, the error in float32 is at most 2^-24 · (9 + n/16) · |result| + 2^-149 · (1 + |weight|).
 *
 * @param input `[…, ...normalizedShape]`; float32, float16 or bfloat16.
 * @param normalizedShape The sizes of the last axes, over which the mean is taken; a number for one axis.
 * @param weight `normalizedShape`, of any float dtype; none by default.
 * @param epsilon At least 0. Default: 2^-23, as PyTorch; ONNX's is 1e-5, and models name their own.
 * @returns A tensor of the input's shape and dtype.
 * @throws {TypeError} for another dtype.
 * @throws {RangeError} for shapes that don't fit, a wrong epsilon, and for lack of memory.
 */
export function rmsNorm(
  input: TensorLike,
  normalizedShape: Shape | number,
  weight?: TensorLike,
  epsilon = RMS_NORM_EPSILON,
): Tensor<FloatDType> {
  return norm("rmsNorm", input, normalizedShape, { weight }, epsilon, (kernels, output, source, weights, _, ...size) =>
    kernels.rms_norm(output, source, weights, ...size, epsilon),
  );
}

/** Options of `normalize`. */
export interface NormalizeOptions {
  /** Along which axis the norm is taken; negative ones count from the last. Default: -1 (PyTorch's: 1). */
  axis?: number;
}

/**
 * input / max(√(Σ input²), 1e-12) along an axis: directions, as embeddings are compared by. As
 * `torch.nn.functional.normalize` with p = 2.
 *
 * Every row of finite numbers has its norm, of whatever magnitude; a row of zeros stays one. With n the size of the axis, the
 * error in float32 is at most 2^-24 · (5 + n/32) · |result| + 2^-149.
 *
 * @param input Any shape; float32, float16 or bfloat16.
 * @param options The axis; the last by default.
 * @returns A tensor of the input's shape and dtype.
 * @throws {TypeError} for another dtype.
 * @throws {RangeError} for an axis that the input hasn't, and for lack of memory.
 */
export const normalize = (input: TensorLike, options?: NormalizeOptions): Tensor<FloatDType> =>
  alongAxis("normalize", input, options, (kernels, ...where) => kernels.normalize(...where));
