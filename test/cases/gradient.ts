/** How an operation's record says what its gradients are. */
import type fc from "fast-check";
import type { Tensor } from "../../ts/entry/default.js";
import type { LayerOperand } from "./layer-operands.js";

/** Numbers by the name of an operand. */
export type ByOperand<T> = Readonly<Record<string, T>>;

/** A drawn call to be differentiated. */
export interface GradientTrial {
  /** By argument; every one of them requires gradients. */
  readonly operands: ByOperand<LayerOperand>;
  /** The package's call, whose result is differentiated. */
  readonly run: (tensors: ByOperand<Tensor>) => Tensor;
  /** The same in float64, of the operands' values. */
  readonly forward: (values: ByOperand<Float64Array>) => Float64Array;
  /** Σ dy · forward differentiated by the formulas, in float64. */
  readonly gradients: (dy: Float64Array) => ByOperand<Float64Array>;
  /** How far off an element of a gradient may be. */
  readonly tolerance: (dy: Float64Array) => (operand: string, index: number) => number;
  /** Whether central differences tell the derivatives here. Default: true. */
  readonly isSmooth?: boolean;
}

export type OperationGradient =
  | { readonly trials: fc.Arbitrary<GradientTrial>; readonly numRuns: number }
  | { readonly suite: string }
  | { readonly none: string };
