import { checkInteger, checkNumber, checkOptions } from "../../arguments.js";
import { shapeError } from "../../errors.js";
import { runCall, type Call } from "../../ops/call.js";
import { describeFloat, type FloatOperand } from "../../ops/float-operand.js";
import { checkIndex, type IndicesLike, readIntegers } from "../../ops/indices.js";
import { type NumbersLike, readNumbers } from "../../ops/numbers.js";
import type { TensorLike } from "../../ops/operand.js";
import { float32View, int32View } from "../../runtime/memory.js";
import { isFloat } from "../../tensor/dtype.js";
import { elementCount, requireShape, sameShape, type Shape } from "../../tensor/shape.js";
import { isTensorData } from "../../tensor/source.js";
import { isTensor, type Tensor } from "../../tensor/tensor.js";
import { checkReduction, divisorOf, type LossOptions, reducedLoss } from "./reduction.js";

const OPERATION = "crossEntropy";

/** Options of `crossEntropy`. */
export interface CrossEntropyOptions extends LossOptions {
  /** A target that has no loss, as that of padding. Default: -100. */
  ignoreIndex?: number;
  /** A weight for each class, `[C]`. Default: 1. */
  weight?: NumbersLike;
  /** How much of a target is spread over all classes, from 0 to 1. Default: 0. */
  labelSmoothing?: number;
}

/** What the gradient must know of a call. */
export interface CrossEntropyDetails {
  readonly rows: number;
  readonly columns: number;
  /** Of each row, where the targets are classes. */
  readonly classes: readonly number[] | undefined;
  /** Of each class in each row, where they are probabilities. */
  readonly probabilities: FloatOperand | undefined;
  readonly weight: readonly number[] | undefined;
  readonly ignoreIndex: number;
  readonly labelSmoothing: number;
  readonly divisor: number | undefined;
}

type Pointers = readonly [classes: number, probabilities: number, weight: number];

/** Where kernels find the targets and the weight; 0 for what there is none of. */
export const targetPointers = (call: Call, { classes, probabilities, weight }: CrossEntropyDetails): Pointers => [
  classes === undefined ? 0 : call.words(int32View, classes),
  probabilities === undefined ? 0 : call.inputAsFloat32(probabilities),
  weight === undefined ? 0 : call.words(float32View, weight),
];

/** Targets of the logits' shape, if they are floats. */
function readProbabilities(targets: TensorLike | IndicesLike, shape: Shape): FloatOperand | undefined {
  if (!isTensor(targets) && !isTensorData(targets)) return undefined;
  if (isTensor(targets) && !isFloat(targets.dtype)) return undefined;
  if (!isTensor(targets) && targets.dtype === undefined && /^(Big)?(Ui|I)nt/.test(targets.data.constructor.name)) {
    return undefined;
  }
  const operand = describeFloat(OPERATION, "targets", targets);
  return sameShape(operand.shape, shape) ? operand : undefined;
}
