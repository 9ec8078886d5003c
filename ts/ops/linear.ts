import { shapeError } from "../errors.js";
import { bytesPerElement, type FloatDType } from "../tensor/dtype.js";
import { elementCount, requireShape, type Shape } from "../tensor/shape.js";
import type { Tensor } from "../tensor/tensor.js";
import { activations } from "../wasm/interface.js";
import type { Activation } from "./activation.js";
import { type Call, runCall } from "./call.js";
import { describeFloat, type FloatOperand } from "./float-operand.js";
import type { TensorLike } from "./operand.js";

const OPERATION = "linear";

/** What the gradient must know besides input, weight and bias: which of their rows the outputs came from. */
export interface LinearDetails {
  readonly weightRow: number;
  readonly biasRow: number;
  readonly outFeatures: number;
}

/** The parameters of a call, checked. */
interface Parameters {
  readonly weight: FloatOperand;
  readonly bias: FloatOperand | undefined;
  readonly inFeatures: number;
  readonly outFeatures: number;
}

/**
 * input · weightᵀ + bias, computed in float32: the error is at most 2^-24 · (n + 1) · (Σ |input · weight| + |bias|), with n
 * inFeatures, typically its square root's. A row's bits don't depend on the other rows. The layer `Linear` packs the weight once, this
 * function in every call.
 *
 * @example
 * ```js
 * import { init, linear } from "wasm-attention";
 *
 * await init();
 * const input = { data: [1, 2], shape: [1, 2] };
 * const weight = { data: [1, 0, 0, 1, 1, 1], shape: [3, 2] };
 * console.log(linear(input, weight).toNested()); // [[1, 2, 3]]
 * ```
 *
 * @param input `[…, inFeatures]` of any rank from 1; float32, float16 or bfloat16.
 * @param weight `[outFeatures, inFeatures]`, of any float dtype.
 * @param bias `[outFeatures]`, of any float dtype; none by default.
 * @returns `[…, outFeatures]` in the input's dtype.
 * @throws {TypeError} for another dtype.
 * @throws {RangeError} for shapes that don't fit, and for lack of memory.
 */
export function linear(input: TensorLike, weight: TensorLike, bias?: TensorLike): Tensor<FloatDType> {
  const x = describeFloat(OPERATION, "input", input);
  const parameters = describeParameters(OPERATION, weight, bias);
  const { inFeatures, outFeatures } = parameters;
  checkInput(OPERATION, x, inFeatures);

  return runCall(OPERATION, (call) => {
    const packed = call.temporary(packedLength(call, inFeatures, outFeatures) * bytesPerElement.float32);
    pack(call, packed, call.inputAsFloat32(parameters.weight), inFeatures, outFeatures);
    const biasPointer = parameters.bias === undefined ? 0 : call.inputAsFloat32(parameters.bias);
    const output = multiply(call, x, x.dtype, () => packed, biasPointer, undefined, inFeatures, outFeatures);
    const details: LinearDetails = { weightRow: 0, biasRow: 0, outFeatures };
    return call.record("linear", [x, parameters.weight, parameters.bias], output, details);
  });
}

/** Checks a weight and a bias. Throws what `describeFloat` does, and a RangeError for shapes that don't fit. */
export function describeParameters(operation: string, weight: TensorLike, bias: TensorLike | undefined): Parameters {
  const w = describeFloat(operation, "weight", weight);
  if (w.shape.length !== 2) throw shapeError(operation, "weight", "shape [outFeatures, inFeatures]", w.shape);
  const [outFeatures, inFeatures] = w.shape;
  const b = bias === undefined ? undefined : describeFloat(operation, "bias", bias);
  if (b !== undefined) requireShape(operation, b, [[outFeatures]], ", one element a row of weight");
  return { weight: w, bias: b, inFeatures, outFeatures };
}

/** Throws a RangeError unless the input's rows are as wide as the weight's. */
export function checkInput(operation: string, { argument, shape }: FloatOperand, inFeatures: number): void {
  if (shape.length === 0 || shape[shape.length - 1] !== inFeatures) {
    throw shapeError(operation, argument, `shape […, ${inFeatures}], with the weight's inFeatures last`, shape);
  }
}

/** Elements of the packed form of a weight `[outFeatures, inFeatures]`. */
export const packedLength = (call: Call, inFeatures: number, outFeatures: number): number =>
  call.kernelSize((kernels) => kernels.linear_packed_length(inFeatures, outFeatures));

/** Packs a float32 weight, all by pointers. */
export function pack(call: Call, packed: number, weight: number, inFeatures: number, outFeatures: number): void {
  call.kernel((kernels) => kernels.linear_pack(packed, weight, inFeatures, outFeatures));
}

/**
 * activation(input · weightᵀ + bias) in a dtype, with a bias pointer of 0 for none. `packed` gives the pointer to the packed weight: it
 * is asked last, when the memory for all else is there.
 */
export function multiply<D extends FloatDType>(
  call: Call,
  input: FloatOperand,
  dtype: D,
  packed: () => number,
  bias: number,
  activation: Activation | undefined,
  inFeatures: number,
  outFeatures: number,
): Tensor<D> {
  const leading: Shape = input.shape.slice(0, -1);
  const rows = elementCount(leading);
  const source = call.inputAsFloat32(input);
  const scratchLength = call.kernelSize((kernels) => kernels.linear_scratch_length(rows, inFeatures));
  const scratch = call.temporary(scratchLength * bytesPerElement.float32);
  const code = activations[activation ?? "identity"];
  return call.outputFromFloat32([...leading, outFeatures], dtype, (output) => {
    const weight = packed();
    call.kernel((kernels) =>
      kernels.linear(output, source, weight, bias, scratch, rows, inFeatures, outFeatures, code),
    );
  });
}
