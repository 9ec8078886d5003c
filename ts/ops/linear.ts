import { shapeError } from "../errors.js";
import { float32View } from "../runtime/memory.js";
import { bytesPerElement, type FloatDType } from "../tensor/dtype.js";
import { elementCount, requireShape, type Shape } from "../tensor/shape.js";
import { pointerOf, type Tensor } from "../tensor/tensor.js";
import { activations } from "../wasm/interface.js";
import type { Activation } from "./activation.js";
import { type Call, runCall } from "./call.js";
import { describeFloat, type FloatOperand } from "./float-operand.js";
import type { TensorLike } from "./operand.js";

const OPERATION = "linear";

/** The parameters of a linear layer: rows of a weight, which PyTorch may stack with others, and of a bias. */
export interface LinearParameters {
  /** `[at least weightRow + outFeatures, inFeatures]` */
  readonly weight: Tensor;
  readonly weightRow: number;
  /** `[at least biasRow + outFeatures]` */
  readonly bias: Tensor | undefined;
  readonly biasRow: number;
  readonly outFeatures: number;
}

/** A linear layer as the kernel reads it. Modules keep it between calls. */
export interface PackedLinear {
  readonly inFeatures: number;
  readonly outFeatures: number;
  readonly weight: Tensor<"float32">;
  /** `[outFeatures]` */
  readonly bias: Tensor<"float32"> | undefined;
  readonly activation: Activation | undefined;
}

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
    return multiply(call, x, packed, biasPointer, undefined, inFeatures, outFeatures);
  });
}

/** Memory for the packed form of float32 parameters, to be filled by `packLinear`. It belongs to the open scope. */
export function createPackedLinear(
  operation: string,
  { weight, bias, outFeatures }: LinearParameters,
  activation?: Activation,
): PackedLinear {
  const inFeatures = weight.shape[1];
  return runCall(operation, (call) => ({
    inFeatures,
    outFeatures,
    weight: call.output([packedLength(call, inFeatures, outFeatures)], "float32"),
    bias: bias && call.output([outFeatures], "float32"),
    activation,
  }));
}

/** Packs the parameters as they are now. It allocates nothing. */
export function packLinear(operation: string, packed: PackedLinear, parameters: LinearParameters): void {
  const { inFeatures, outFeatures } = packed;
  const { weight, weightRow, bias, biasRow } = parameters;
  const rows = pointerOf(weight) + weightRow * inFeatures * bytesPerElement.float32;
  runCall(operation, (call) => pack(call, pointerOf(packed.weight), rows, inFeatures, outFeatures));
  if (bias === undefined || packed.bias === undefined) return;
  const biases = pointerOf(bias) + biasRow * bytesPerElement.float32;
  float32View(pointerOf(packed.bias), outFeatures).set(float32View(biases, outFeatures));
}

/** As `linear`, with parameters that have been packed, and the activation; without one, the same bits. */
export function linearPacked(
  operation: string,
  argument: string,
  input: TensorLike,
  { inFeatures, outFeatures, weight, bias, activation }: PackedLinear,
): Tensor<FloatDType> {
  const x = describeFloat(operation, argument, input);
  checkInput(operation, x, inFeatures);
  return runCall(operation, (call) => {
    const biasPointer = bias === undefined ? 0 : pointerOf(bias, operation, "bias");
    const packed = pointerOf(weight, operation, "weight");
    return multiply(call, x, packed, biasPointer, activation, inFeatures, outFeatures);
  });
}

function describeParameters(operation: string, weight: TensorLike, bias: TensorLike | undefined): Parameters {
  const w = describeFloat(operation, "weight", weight);
  if (w.shape.length !== 2) throw shapeError(operation, "weight", "shape [outFeatures, inFeatures]", w.shape);
  const [outFeatures, inFeatures] = w.shape;
  const b = bias === undefined ? undefined : describeFloat(operation, "bias", bias);
  if (b !== undefined) requireShape(operation, b, [[outFeatures]], ", one element a row of weight");
  return { weight: w, bias: b, inFeatures, outFeatures };
}

function checkInput(operation: string, { argument, shape }: FloatOperand, inFeatures: number): void {
  if (shape.length === 0 || shape[shape.length - 1] !== inFeatures) {
    throw shapeError(operation, argument, `shape […, ${inFeatures}], with the weight's inFeatures last`, shape);
  }
}

const packedLength = (call: Call, inFeatures: number, outFeatures: number): number =>
  call.kernelStatus((kernels) => kernels.linear_packed_length(inFeatures, outFeatures));

function pack(call: Call, packed: number, weight: number, inFeatures: number, outFeatures: number): void {
  call.kernel((kernels) => kernels.linear_pack(packed, weight, inFeatures, outFeatures));
}

function multiply(
  call: Call,
  input: FloatOperand,
  packed: number,
  bias: number,
  activation: Activation | undefined,
  inFeatures: number,
  outFeatures: number,
): Tensor<FloatDType> {
  const leading: Shape = input.shape.slice(0, -1);
  const rows = elementCount(leading);
  const source = call.inputAsFloat32(input);
  const scratchLength = call.kernelStatus((kernels) => kernels.linear_scratch_length(rows, inFeatures));
  const scratch = call.temporary(scratchLength * bytesPerElement.float32);
  return call.outputFromFloat32([...leading, outFeatures], input.dtype, (output) =>
    call.kernel((kernels) =>
      kernels.linear(
        output,
        source,
        packed,
        bias,
        scratch,
        rows,
        inFeatures,
        outFeatures,
        activations[activation ?? "identity"],
      ),
    ),
  );
}
