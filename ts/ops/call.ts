import { requireInstance } from "../runtime/instance.js";
import type { Kernels } from "../runtime/build.js";
import { callKernel, kernelSize } from "../runtime/kernels.js";
import { allocate, type float32View, free, type int32View } from "../runtime/memory.js";
import { bytesPerElement, type DType, type FloatDType } from "../tensor/dtype.js";
import { dtypes } from "../wasm/interface.js";
import { elementCount, type Shape } from "../tensor/shape.js";
import { record } from "../tensor/recorder.js";
import { createTensor, isTensor, pointerOf, type Tensor, tensorFromSource } from "../tensor/tensor.js";
import type { FloatOperand } from "./float-operand.js";
import type { Operand } from "./operand.js";

/** What one call of an operation allocates. */
export class Call {
  readonly #operation: string;
  readonly #instanceNumber: number;
  readonly #temporaries: number[] = [];
  readonly #copies: Tensor[] = [];
  readonly #outputs: Tensor[] = [];

  constructor(operation: string) {
    this.#operation = operation;
    this.#instanceNumber = requireInstance(operation).number;
  }

  /** A pointer to an operand's elements in its own dtype. What isn't in the WebAssembly memory is copied there. */
  input(operand: Operand): number {
    const { argument, content } = operand;
    if (isTensor(content)) return pointerOf(content, this.#operation, argument);
    const copy = tensorFromSource(this.#operation, content);
    this.#copies.push(copy);
    return pointerOf(copy);
  }

  /** A pointer to an operand's elements as float32: its own when it is float32, else a widened copy. */
  inputAsFloat32(operand: FloatOperand): number {
    const { dtype, shape } = operand;
    const pointer = this.input(operand);
    if (dtype === "float32") return pointer;
    const wide = this.temporary(elementCount(shape) * bytesPerElement.float32);
    this.#convert(wide, "float32", pointer, dtype, shape);
    return wide;
  }

  /** Work space with arbitrary content. */
  temporary(bytes: number): number {
    const pointer = allocate(this.#operation, bytes);
    this.#temporaries.push(pointer);
    return pointer;
  }

  /** Work space with these 32-bit numbers in it, as a view of the runtime's memory holds them. */
  words(view: typeof int32View | typeof float32View, values: ArrayLike<number>): number {
    const pointer = this.temporary(values.length * 4);
    view(pointer, values.length).set(values);
    return pointer;
  }

  /** A tensor for a result, with arbitrary content. */
  output<D extends DType>(shape: Shape, dtype: D): Tensor<D> {
    const tensor = createTensor(this.#operation, shape, dtype);
    this.#outputs.push(tensor);
    return tensor;
  }

  /** A tensor for a result that `fill` computes in float32, at the pointer that it gets; then rounded to the dtype. */
  outputFromFloat32<D extends FloatDType>(shape: Shape, dtype: D, fill: (pointer: number) => void): Tensor<D> {
    const tensor = this.output(shape, dtype);
    if (dtype === "float32") {
      fill(pointerOf(tensor));
      return tensor;
    }
    const wide = this.temporary(elementCount(shape) * bytesPerElement.float32);
    fill(wide);
    this.#convert(pointerOf(tensor), dtype, wide, "float32", shape);
    return tensor;
  }

  /**
   * Tells a tape, if there is one, that an operation has computed `output`, and by which rule it is differentiated with respect
   * to the inputs. Returns the output.
   */
  record<Details, Output extends Tensor | readonly Tensor[]>(
    rule: string,
    inputs: readonly (Operand | undefined)[],
    output: Output,
    details: Details,
  ): Output {
    record(rule, inputs, isTensor(output) ? [output] : output, details);
    return output;
  }

  /** Writes the elements of one float tensor into another, rounded to its dtype. */
  convert(output: Tensor<FloatDType>, input: Tensor<FloatDType>): void {
    this.#convert(pointerOf(output), output.dtype, pointerOf(input), input.dtype, input.shape);
  }

  /** Runs one export. */
  kernel<R>(invoke: (kernels: Kernels) => R): R {
    return callKernel(this.#operation, invoke);
  }

  /** Runs one export that answers a size. */
  kernelSize(invoke: (kernels: Kernels) => number): number {
    return kernelSize(this.#operation, invoke);
  }

  /** Frees what was needed during the call. */
  freeTemporaries(): void {
    for (const copy of this.#copies) copy.dispose();
    for (const pointer of this.#temporaries) free(this.#instanceNumber, pointer);
  }

  /** Disposes the results of a call that failed. */
  disposeOutputs(): void {
    for (const output of this.#outputs) output.dispose();
  }

  #convert(output: number, outputDType: FloatDType, input: number, inputDType: FloatDType, shape: Shape): void {
    this.kernel((kernels) =>
      kernels.convert(output, input, elementCount(shape), dtypes[outputDType], dtypes[inputDType]),
    );
  }
}

/**
 * Runs the part of an operation that allocates and computes, after everything has been checked. Results stay; all else
 * is freed when it ends, however it ends.
 */
export function runCall<R>(operation: string, body: (call: Call) => R): R {
  const call = new Call(operation);
  try {
    return body(call);
  } catch (error) {
    call.disposeOutputs();
    throw error;
  } finally {
    call.freeTemporaries();
  }
}
