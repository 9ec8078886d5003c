import { checkNumber } from "../arguments.js";
import { shapeError } from "../errors.js";
import type { FloatDType } from "../tensor/dtype.js";
import { checkShape, elementCount, sameShape, type Shape } from "../tensor/shape.js";
import type { Tensor } from "../tensor/tensor.js";
import { runCall } from "./call.js";
import { describeFloat, type FloatOperand } from "./float-operand.js";
import type { TensorLike } from "./operand.js";

const LAYER_NORM_EPSILON = 1e-5;
/** float32's, for every dtype: what PyTorch computes with when it is given none. */
const RMS_NORM_EPSILON = 2 ** -23;

interface Problem {
  readonly input: FloatOperand;
  readonly rows: number;
  readonly columns: number;
  readonly normalizedShape: Shape;
}

function readProblem(operation: string, input: TensorLike, normalizedShape: Shape | number): Problem {
  const x = describeFloat(operation, "input", input);
  const asList = typeof normalizedShape === "number" ? [normalizedShape] : normalizedShape;
  const sizes = checkShape(operation, "normalizedShape", asList);
  if (sizes.length === 0) throw shapeError(operation, "normalizedShape", "at least one size", sizes);
  // Of an input with fewer axes this leaves some or none: too many together with the sizes, in any case.
  const leading = x.shape.slice(0, x.shape.length - sizes.length);
  if (!sameShape(x.shape, [...leading, ...sizes])) {
    throw shapeError(operation, "input", `shape […, ${sizes.join(", ")}], ending in normalizedShape`, x.shape);
  }
  return { input: x, rows: elementCount(leading), columns: elementCount(sizes), normalizedShape: sizes };
}

function readParameter(
  operation: string,
  argument: string,
  value: TensorLike | undefined,
  normalizedShape: Shape,
): FloatOperand | undefined {
  if (value === undefined) return undefined;
  const operand = describeFloat(operation, argument, value);
  if (!sameShape(operand.shape, normalizedShape)) {
    throw shapeError(operation, argument, `shape [${normalizedShape.join(", ")}], normalizedShape`, operand.shape);
  }
  return operand;
}

/**
 * (input − mean) / √(variance + epsilon) · weight + bias, with the mean and the variance of the last axes.
 *
 * @param input `[…, ...normalizedShape]`; float32, float16 or bfloat16. The result has its shape and dtype.
 * @param normalizedShape The sizes of the last axes, over which mean and variance are taken; a number for one axis.
 * @param weight `normalizedShape`, of any float dtype; none by default.
 * @param bias Likewise.
 * @param epsilon At least 0. Default: 1e-5, as in PyTorch and ONNX.
 *
 * The variance is the mean of (input − mean)², computed after the mean, so a large mean costs no more digits than the
 * differences lose. With n the number of normalized elements, z the result before weight and bias, and c = mean of
 * |input| / √(variance + epsilon), the error in float32 is at most 2^-24 · ((8 + n/16) · (|z| + c) · |weight| +
 * |result|). (Ba et al. 2016, "Layer Normalization".)
 *
 * Throws a TypeError for another dtype, a RangeError for shapes that don't fit, a wrong epsilon or lack of memory.
 */
export function layerNorm(
  input: TensorLike,
  normalizedShape: Shape | number,
  weight?: TensorLike,
  bias?: TensorLike,
  epsilon?: number,
): Tensor<FloatDType> {
  const operation = "layerNorm";
  const { input: x, rows, columns, normalizedShape: sizes } = readProblem(operation, input, normalizedShape);
  const w = readParameter(operation, "weight", weight, sizes);
  const b = readParameter(operation, "bias", bias, sizes);
  const addend = epsilon === undefined ? LAYER_NORM_EPSILON : checkNumber(operation, "epsilon", epsilon, 0);
  return runCall(operation, (call) => {
    const source = call.inputAsFloat32(x);
    const weights = w === undefined ? 0 : call.inputAsFloat32(w);
    const biases = b === undefined ? 0 : call.inputAsFloat32(b);
    return call.outputFromFloat32(x.shape, x.dtype, (output) =>
      call.kernel((kernels) => kernels.layer_norm(output, source, weights, biases, rows, columns, addend)),
    );
  });
}

/**
 * input / √(mean of input² + epsilon) · weight, with the mean over the last axes.
 *
 * @param input `[…, ...normalizedShape]`; float32, float16 or bfloat16. The result has its shape and dtype.
 * @param normalizedShape The sizes of the last axes, over which the mean is taken; a number for one axis.
 * @param weight `normalizedShape`, of any float dtype; none by default.
 * @param epsilon At least 0. Default: 2^-23, as PyTorch; ONNX's is 1e-5, and models name their own.
 *
 * With n the number of normalized elements, the error in float32 is at most 2^-24 · (9 + n/16) · |result|. (Zhang and
 * Sennrich 2019, "Root Mean Square Layer Normalization".)
 *
 * Throws a TypeError for another dtype, a RangeError for shapes that don't fit, a wrong epsilon or lack of memory.
 */
export function rmsNorm(
  input: TensorLike,
  normalizedShape: Shape | number,
  weight?: TensorLike,
  epsilon?: number,
): Tensor<FloatDType> {
  const operation = "rmsNorm";
  const { input: x, rows, columns, normalizedShape: sizes } = readProblem(operation, input, normalizedShape);
  const w = readParameter(operation, "weight", weight, sizes);
  const addend = epsilon === undefined ? RMS_NORM_EPSILON : checkNumber(operation, "epsilon", epsilon, 0);
  return runCall(operation, (call) => {
    const source = call.inputAsFloat32(x);
    const weights = w === undefined ? 0 : call.inputAsFloat32(w);
    return call.outputFromFloat32(x.shape, x.dtype, (output) =>
      call.kernel((kernels) => kernels.rms_norm(output, source, weights, rows, columns, addend)),
    );
  });
}
