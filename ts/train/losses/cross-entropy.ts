import { checkInteger, checkNumber, checkOptions } from "../../arguments.js";
import { shapeError } from "../../errors.js";
import { runCall, type Call } from "../../ops/call.js";
import { describeFloat, type FloatOperand, isFloatOperand } from "../../ops/float-operand.js";
import { checkIndex, type IndicesLike, readIntegers } from "../../ops/indices.js";
import { type NumbersLike, readNumbers } from "../../ops/numbers.js";
import { describe, type TensorLike } from "../../ops/operand.js";
import { float32View, int32View } from "../../runtime/memory.js";
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
  readonly logits: FloatOperand;
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

/** Targets that are floats of the logits' shape; undefined for others, which are to be classes. */
function readProbabilities(targets: TensorLike | IndicesLike, shape: Shape): FloatOperand | undefined {
  if (!isTensor(targets) && !isTensorData(targets)) return undefined;
  const operand = describe(OPERATION, "targets", targets);
  if (!isFloatOperand(operand)) return undefined;
  // Plain numbers of another shape are classes.
  if (isTensor(targets)) requireShape(OPERATION, operand, [shape], " for floats, that of the logits");
  return sameShape(operand.shape, shape) ? operand : undefined;
}

/** The targets, in one of two forms. */
function readTargets(
  targets: TensorLike | IndicesLike,
  shape: Shape,
  ignoreIndex: number,
): Partial<Pick<CrossEntropyDetails, "classes" | "probabilities">> {
  const probabilities = readProbabilities(targets, shape);
  if (probabilities !== undefined) return { probabilities };
  const { values, shape: own } = readIntegers(OPERATION, "targets", targets);
  requireShape(
    OPERATION,
    { argument: "targets", shape: own },
    [shape.slice(0, -1)],
    ", one class for each row of logits",
  );
  values.forEach((value, at) => checkIndex(OPERATION, "targets", at, value, shape[shape.length - 1], ignoreIndex));
  return { classes: values };
}

/**
 * −Σ_c q_c ln p_c over rows of logits, with p = softmax(logits) and q_c = weight_c · (ε/C + (1 − ε) · target_c), where ε is
 * `labelSmoothing` and the target of a class is 1 there and 0 elsewhere. Terms with q_c = 0 are left out. The gradient is
 * p Σ q − q. As PyTorch's `cross_entropy`, but for the classes, which are the last axis, and for a mean of nothing, which is 0.
 *
 * The softmax is part of it and goes row by row: nothing of the logits' size is made but, in the backward pass, the gradient.
 *
 * Error of a row: at most 2^-24 · (20 + 2 · r + C/16) · (Σ q + loss), with r the range of its logits.
 *
 * @example
 * ```js
 * import { init, Tensor } from "wasm-attention";
 * import { crossEntropy } from "wasm-attention/train";
 *
 * await init();
 * const logits = Tensor.from([[0, 0], [0, 0]]);
 * logits.requiresGrad = true;
 * const loss = crossEntropy(logits, [1, -100]);
 * loss.backward();
 * console.log(loss.item().toFixed(3), logits.grad?.toNested()); // 0.693 [[0.5, -0.5], [0, 0]]
 * ```
 *
 * @param logits `[…, C]`, classes last; float32, float16 or bfloat16.
 * @param targets Of each row its class from 0 to C − 1, or `ignoreIndex`: an int32 tensor, a typed array or (nested) arrays,
 *   of the shape of the logits without the last axis. Or floats of the logits' shape: of each class its probability.
 * @param options Which targets are ignored, weights, smoothing, reduction. "mean" divides by the sum of the weights of all
 *   targets that aren't ignored (and gives 0 where that is 0), with probabilities by the number of rows.
 * @returns A float32 tensor: of rank 0, or with "none" of the logits' shape without the last axis.
 * @throws {TypeError} for wrong kinds.
 * @throws {RangeError} for a target that is no class, other shapes, wrong values of options, and for lack of memory.
 */
export function crossEntropy(
  logits: TensorLike,
  targets: TensorLike | IndicesLike,
  options?: CrossEntropyOptions,
): Tensor<"float32"> {
  const given = checkOptions(OPERATION, options, ["ignoreIndex", "weight", "labelSmoothing", "reduction"]);
  const { ignoreIndex = -100, labelSmoothing = 0 } = given;
  checkInteger(OPERATION, "ignoreIndex", ignoreIndex, -(2 ** 31), 2 ** 31 - 1);
  checkNumber(OPERATION, "labelSmoothing", labelSmoothing, 0, 1);
  const reduction = checkReduction(OPERATION, given.reduction);
  const x = describeFloat(OPERATION, "logits", logits);
  if (x.shape.length === 0) throw shapeError(OPERATION, "logits", "shape [..., C]", x.shape);
  const columns = x.shape[x.shape.length - 1];
  const { classes, probabilities } = readTargets(targets, x.shape, ignoreIndex);
  const weight = given.weight === undefined ? undefined : readClassWeights(given.weight, columns);
  const shape = x.shape.slice(0, -1);
  const rows = elementCount(shape);
  const weights = classes?.map((target) => (target === ignoreIndex ? 0 : (weight?.[target] ?? 1)));
  const divisor = divisorOf(reduction, weights?.reduce((sum, value) => sum + value, 0) ?? rows);
  const details: CrossEntropyDetails = {
    logits: x,
    rows,
    columns,
    classes,
    probabilities,
    weight,
    ignoreIndex,
    labelSmoothing,
    divisor,
  };

  return runCall(OPERATION, (call) => {
    const source = call.inputAsFloat32(x);
    const pointers = targetPointers(call, details);
    const loss = reducedLoss(call, shape, divisor, (losses) =>
      call.kernel((kernels) =>
        kernels.cross_entropy(losses, source, ...pointers, rows, columns, ignoreIndex, labelSmoothing, 1),
      ),
    );
    return call.record("crossEntropy", [x], loss, details);
  });
}

/** As float32, in which kernels multiply with them. */
function readClassWeights(weight: NumbersLike, columns: number): readonly number[] {
  const { values, shape } = readNumbers(OPERATION, "weight", weight);
  requireShape(OPERATION, { argument: "weight", shape }, [[columns]], ", one for each class");
  return values.map(Math.fround);
}
