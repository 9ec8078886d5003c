import { checkChoice, checkOptions } from "../arguments.js";
import type { FloatDType } from "../tensor/dtype.js";
import { elementCount, requireShape } from "../tensor/shape.js";
import type { Tensor } from "../tensor/tensor.js";
import { activate } from "./activate.js";
import { runCall } from "./call.js";
import { describeFloat, type FloatOperand } from "./float-operand.js";
import type { TensorLike } from "./operand.js";

export type { Activation } from "./activate.js";

/** Options of `gelu`. */
export interface GeluOptions {
  /** "none" (default): x · Φ(x), by the error function; "tanh": the approximation that GPT-2 and others were trained with. */
  approximate?: "none" | "tanh";
}

/** What the gradient of `swiglu` depends on. */
export interface SwigluDetails {
  readonly a: FloatOperand;
  readonly b: FloatOperand;
}

/**
 * x · Φ(x), element by element, with Φ the distribution function of the standard normal distribution; or ½ · x · (1 +
 * tanh(√(2/π) · (x + 0.044715 · x³))). (Hendrycks and Gimpel 2016, "Gaussian Error Linear Units".) -Infinity gives NaN, as in
 * PyTorch.
 *
 * Error in float32: at most 2^-20.5 · |result| + 2^-114; with "tanh" 2^-23 · (3 + 4 · |u|) · |result| + 2^-124, where u is
 * tanh's argument. The second part is what becomes 0 in the tail: below -12.5, with "tanh" below -10.06.
 *
 * @param input Any shape; float32, float16 or bfloat16.
 * @param options Which of the two; the exact one by default.
 * @returns A tensor of the input's shape and dtype.
 * @throws {TypeError} for another dtype.
 * @throws {RangeError} for another `approximate`, and for lack of memory.
 */
export function gelu(input: TensorLike, options?: GeluOptions): Tensor<FloatDType> {
  const { approximate = "none" } = checkOptions("gelu", options, ["approximate"]);
  checkChoice("gelu", "approximate", approximate, ["none", "tanh"]);
  return activate("gelu", input, approximate === "none" ? "gelu" : "gelu-tanh");
}

/**
 * x / (1 + e^−x), element by element; also called swish. -Infinity gives NaN, as in PyTorch.
 *
 * Error in float32: at most 2^-22 · |result| + 2^-121; the second part is what becomes 0 below -88.72.
 *
 * @param input Any shape; float32, float16 or bfloat16.
 * @returns A tensor of the input's shape and dtype.
 * @throws {TypeError} for another dtype.
 * @throws {RangeError} for lack of memory.
 */
export const silu = (input: TensorLike): Tensor<FloatDType> => activate("silu", input, "silu");

/**
 * The larger of x and 0, element by element, exactly; NaN stays NaN.
 *
 * @param input Any shape; float32, float16 or bfloat16.
 * @returns A tensor of the input's shape and dtype.
 * @throws {TypeError} for another dtype.
 * @throws {RangeError} for lack of memory.
 */
export const relu = (input: TensorLike): Tensor<FloatDType> => activate("relu", input, "relu");

/**
 * 1 / (1 + e^−x), element by element: the logistic function.
 *
 * Error in float32: at most 2^-21.5 · |result| + 2^-125; the second part is what becomes 0 below -86.99.
 *
 * @param input Any shape; float32, float16 or bfloat16.
 * @returns A tensor of the input's shape and dtype.
 * @throws {TypeError} for another dtype.
 * @throws {RangeError} for lack of memory.
 */
export const sigmoid = (input: TensorLike): Tensor<FloatDType> => activate("sigmoid", input, "sigmoid");

/**
 * The hyperbolic tangent, element by element.
 *
 * Error in float32: at most 2^-21.5 · |result| + 2^-149, for the smallest numbers too.
 *
 * @param input Any shape; float32, float16 or bfloat16.
 * @returns A tensor of the input's shape and dtype.
 * @throws {TypeError} for another dtype.
 * @throws {RangeError} for lack of memory.
 */
export const tanh = (input: TensorLike): Tensor<FloatDType> => activate("tanh", input, "tanh");

/**
 * silu(a) · b, element by element: the gate of Llama's and many other models' feed-forward networks. (Shazeer 2020, "GLU Variants
 * Improve Transformer".)
 *
 * Error in float32: at most 2^-21.5 · |result| + 2^-121 · |b| + 2^-149; the second part is what becomes 0 where a is below -88.72.
 *
 * @param a Any shape; float32, float16 or bfloat16.
 * @param b The same shape, of any float dtype.
 * @returns A tensor of a's shape and dtype.
 * @throws {TypeError} for another dtype.
 * @throws {RangeError} for different shapes, and for lack of memory.
 */
export function swiglu(a: TensorLike, b: TensorLike): Tensor<FloatDType> {
  const gate = describeFloat("swiglu", "a", a);
  const value = describeFloat("swiglu", "b", b);
  requireShape("swiglu", value, [gate.shape], ", as a has it");
  return runCall("swiglu", (call) => {
    const gates = call.inputAsFloat32(gate);
    const values = call.inputAsFloat32(value);
    const result = call.outputFromFloat32(gate.shape, gate.dtype, (output) =>
      call.kernel((kernels) => kernels.swiglu(output, gates, values, elementCount(gate.shape))),
    );
    return call.record<SwigluDetails, Tensor<FloatDType>>("swiglu", [gate, value], result, { a: gate, b: value });
  });
}
