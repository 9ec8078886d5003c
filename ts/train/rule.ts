import { runCall, type Call } from "../ops/call.js";
import type { FloatOperand } from "../ops/float-operand.js";
import type { Operand } from "../ops/operand.js";
import type { Shape } from "../tensor/shape.js";
import { pointerOf, type Tensor } from "../tensor/tensor.js";

/** A gradient, of float32. */
export type GradientTensor = Tensor<"float32">;

/** The gradient of some of an input's elements, which follow each other from number `start` on; that of the others is 0. */
export interface PartialGradient {
  readonly tensor: GradientTensor;
  readonly start: number;
}

/** What a rule gives for an input; undefined where none is needed. */
export type Gradient = GradientTensor | PartialGradient | undefined;

/** A call that is to be differentiated. */
export interface RecordedCall<Details> {
  readonly inputs: readonly (Operand | undefined)[];
  readonly outputs: readonly Tensor[];
  readonly details: Details;
  /** Whether an input needs a gradient. */
  readonly needs: readonly boolean[];
  /**
   * Keeps an input or an output for the backward pass, which then refuses to run if its elements have been changed. A constant
   * is copied.
   */
  readonly save: (content: Tensor | Operand) => FloatOperand;
}

/**
 * The gradients of a call's inputs from those of its outputs (undefined for one of several outputs that got none). Results
 * may share memory with what is given; what is made besides is freed.
 */
export type Backward = (gradients: readonly GradientTensor[]) => readonly Gradient[];

/** Keeps what the backward pass of a call needs, and gives that pass. */
export type Rule<Details = undefined> = (call: RecordedCall<Details>) => Backward;

/** A gradient of a shape, which `fill` writes at a pointer. */
export const gradientOf = (shape: Shape, fill: (call: Call, gradient: number) => void): GradientTensor =>
  runCall("backward", (call) => {
    const gradient = call.output(shape, "float32");
    fill(call, pointerOf(gradient));
    return gradient;
  });
