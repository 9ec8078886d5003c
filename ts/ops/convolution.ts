import { checkInteger, checkOptions } from "../arguments.js";
import { rangeError, shapeError } from "../errors.js";
import { bytesPerElement, type FloatDType } from "../tensor/dtype.js";
import { requireShape } from "../tensor/shape.js";
import type { Tensor } from "../tensor/tensor.js";
import { convolutionArguments } from "../wasm/interface.js";
import { ArgumentBlock, type Arguments } from "./argument-block.js";
import { type Call, runCall } from "./call.js";
import { describeFloat } from "./float-operand.js";
import { LARGEST_SIZE } from "./head-axes.js";
import type { TensorLike } from "./operand.js";

const OPERATION = "conv1d";

/** Options of `conv1d`. */
export interface Conv1dOptions {
  /** From what one output sees to what the next one does. Default: 1. */
  stride?: number;
  /** How many zeros stand before the input, and after it. Default: 0. */
  padding?: number;
  /** From one place of a kernel to the next. Default: 1. */
  dilation?: number;
  /** Into how many groups channels are cut; each output sees its group's. Default: 1. */
  groups?: number;
}

type ConvolutionArguments = Arguments<typeof convolutionArguments>;

/** The sizes of a convolution, as the kernels take them. */
export type Conv1dDetails = Pick<
  Required<ConvolutionArguments>,
  "batch" | "channels" | "length" | "outChannels" | "kernelSize" | "stride" | "padding" | "dilation" | "groups"
>;

/** The argument block of a convolution, or of a part of its backward pass, with its working memory. */
export function convolutionBlock(call: Call, values: ConvolutionArguments): ArgumentBlock<typeof convolutionArguments> {
  const block = new ArgumentBlock(call, convolutionArguments, values);
  const length = call.kernelSize((kernels) => kernels.conv1d_scratch_length(block.pointer));
  block.setInteger("scratch", call.temporary(length * bytesPerElement.float32));
  return block;
}

/**
 * Convolution along the last axis, as PyTorch's `conv1d`: output[b, o, t] = bias[o] + Σ over c and k of weight[o, c, k] ·
 * input[b, c, t · stride + k · dilation − padding], with zeros outside of the input and c among the channels of o's group.
 *
 * Letters: B batch, C channels, L length, O output channels, K size of the kernel, and T = ⌊(L + 2 · padding − dilation · (K − 1) −
 * 1) / stride⌋ + 1. Computed in float32: the error is at most 2^-24 · (n + 1) · (Σ |input · weight| + |bias|), with n = C /
 * groups · K.
 *
 * @example
 * ```js
 * import { conv1d, init } from "wasm-attention";
 *
 * await init();
 * const input = { data: [1, 2, 4, 8], shape: [1, 4] };
 * const differences = { data: [-1, 1], shape: [1, 1, 2] };
 * console.log(conv1d(input, differences).toNested()); // [[1, 2, 4]]
 * ```
 *
 * @param input `[B, C, L]`, or `[C, L]` without a batch; float32, float16 or bfloat16.
 * @param weight `[O, C / groups, K]`, of any float dtype.
 * @param bias `[O]`, of any float dtype; none by default.
 * @param options Stride, padding, dilation and groups.
 * @returns `[B, O, T]`, or `[O, T]`, in the input's dtype.
 * @throws {TypeError} for another dtype, and for wrong kinds.
 * @throws {RangeError} for shapes that don't fit, wrong options, a kernel that reaches over the padded input, and for lack of
 *   memory.
 */
export function conv1d(
  input: TensorLike,
  weight: TensorLike,
  bias?: TensorLike,
  options?: Conv1dOptions,
): Tensor<FloatDType> {
  const given = checkOptions(OPERATION, options, ["stride", "padding", "dilation", "groups"]);
  const x = describeFloat(OPERATION, "input", input);
  const w = describeFloat(OPERATION, "weight", weight);
  const b = bias === undefined ? undefined : describeFloat(OPERATION, "bias", bias);
  const isBatched = x.shape.length === 3;
  if (!isBatched && x.shape.length !== 2) throw shapeError(OPERATION, "input", "shape [B, C, L] or [C, L]", x.shape);
  const [batch, channels, length] = isBatched ? x.shape : [1, ...x.shape];
  if (w.shape.length !== 3 || w.shape[2] === 0) {
    throw shapeError(OPERATION, "weight", "shape [O, C / groups, K] with K at least 1", w.shape);
  }
  const [outChannels, groupChannels, kernelSize] = w.shape;

  const stride = checkInteger(OPERATION, "stride", given.stride ?? 1, 1, LARGEST_SIZE);
  const padding = checkInteger(OPERATION, "padding", given.padding ?? 0, 0, Math.floor((LARGEST_SIZE - length) / 2));
  const dilation = checkInteger(OPERATION, "dilation", given.dilation ?? 1, 1, LARGEST_SIZE);
  const groups = checkInteger(OPERATION, "groups", given.groups ?? 1, 1, LARGEST_SIZE);
  if (outChannels % groups !== 0) {
    throw rangeError(OPERATION, "groups", `a divisor of the weight's ${outChannels} output channels`, groups);
  }
  if (channels !== groupChannels * groups) {
    throw shapeError(
      OPERATION,
      "input",
      `${groupChannels * groups} channels, the weight's of ${groups} groups`,
      x.shape,
    );
  }
  if (b !== undefined) requireShape(OPERATION, b, [[outChannels]], ", one element a row of weight");
  const free = length + 2 * padding - dilation * (kernelSize - 1) - 1;
  if (free < 0) {
    throw shapeError(
      OPERATION,
      "input",
      `a length of at least ${length - free}, which the kernel reaches over`,
      x.shape,
    );
  }
  const outputs = Math.floor(free / stride) + 1;
  const sizes: Conv1dDetails = { batch, channels, length, outChannels, kernelSize, stride, padding, dilation, groups };

  return runCall(OPERATION, (call) => {
    const operands = {
      input: call.inputAsFloat32(x),
      weight: call.inputAsFloat32(w),
      bias: b === undefined ? 0 : call.inputAsFloat32(b),
    };
    const block = convolutionBlock(call, { ...sizes, ...operands });
    const shape = [...x.shape.slice(0, -2), outChannels, outputs];
    const output = call.outputFromFloat32(shape, x.dtype, (target) => {
      block.setInteger("output", target);
      call.kernel((kernels) => kernels.conv1d(block.pointer));
    });
    return call.record("conv1d", [x, w, b], output, sizes);
  });
}
