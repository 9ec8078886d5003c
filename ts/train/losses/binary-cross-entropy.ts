import { checkOptions } from "../../arguments.js";
import { shapeError } from "../../errors.js";
import { runCall } from "../../ops/call.js";
import { describeFloat, type FloatOperand } from "../../ops/float-operand.js";
import { type NumbersLike, readNumbers } from "../../ops/numbers.js";
import type { TensorLike } from "../../ops/operand.js";
import { float32View } from "../../runtime/memory.js";
import { elementCount, requireShape, type Shape } from "../../tensor/shape.js";
import type { Tensor } from "../../tensor/tensor.js";
import type { Call } from "../../ops/call.js";
import { describeTarget } from "./target.js";
import { checkReduction, divisorOf, type LossOptions, reducedLoss } from "./reduction.js";

const OPERATION = "binaryCrossEntropyWithLogits";

/** Options of `binaryCrossEntropyWithLogits`. */
export interface BinaryCrossEntropyOptions extends LossOptions {
  /** What a loss is multiplied with; broadcasts to the logits' shape. Default: 1. */
  weight?: NumbersLike;
  /** What the positive part is multiplied with, as of classes that are rare; broadcasts likewise. Default: 1. */
  posWeight?: NumbersLike;
}

/** What the gradient must know of a call. */
export interface BinaryCrossEntropyDetails {
  readonly logits: FloatOperand;
  readonly targets: FloatOperand;
  readonly weight: Float32Array | undefined;
  readonly posWeight: Float32Array | undefined;
  readonly divisor: number | undefined;
}

/** Where kernels find the weights; 0 for what there is none of. */
export const weightPointers = (call: Call, { weight, posWeight }: BinaryCrossEntropyDetails): [number, number] => [
  weight === undefined ? 0 : call.words(float32View, weight),
  posWeight === undefined ? 0 : call.words(float32View, posWeight),
];

/** Numbers, repeated along the axes that they lack or have with a size of 1. */
function broadcast(argument: string, value: NumbersLike, shape: Shape): Float32Array {
  const { values, shape: own } = readNumbers(OPERATION, argument, value);
  const missing = shape.length - own.length;
  if (missing < 0 || own.some((size, axis) => size !== 1 && size !== shape[missing + axis])) {
    throw shapeError(OPERATION, argument, `a shape that broadcasts to [${shape.join(", ")}]`, own);
  }
  let places = [0];
  shape.forEach((size, axis) => {
    const inner = elementCount(own.slice(Math.max(axis - missing + 1, 0)));
    const stride = axis < missing || own[axis - missing] === 1 ? 0 : inner;
    places = places.flatMap((place) => Array.from({ length: size }, (_, index) => place + index * stride));
  });
  return Float32Array.from(places, (place) => values[place]);
}

/**
 * Of logits x and targets z: weight · ((1 − z) · x + (1 + (posWeight − 1) · z) · (ln(1 + e^−|x|) + max(−x, 0))), which is
 * −(posWeight · z · ln σ(x) + (1 − z) · ln(1 − σ(x))), times the weight. As PyTorch's `binary_cross_entropy_with_logits`. The
 * gradient, weight · (1 − z − (1 + (posWeight − 1) · z) · (1 − σ(x))), is that of the logits; targets and weights are constants.
 *
 * Error of a loss: at most 2^-20 · its terms' sum of absolute values + 2^-120.
 *
 * @param logits Any shape; float32, float16 or bfloat16.
 * @param targets The same shape; of any dtype, booleans as 0 and 1; from 0 to 1.
 * @param options Weights and reduction. "mean" divides by the number of logits.
 * @returns A float32 tensor: of rank 0, or with "none" of the logits' shape.
 * @throws {TypeError} for wrong kinds.
 * @throws {RangeError} for other shapes, another reduction, and for lack of memory.
 */
export function binaryCrossEntropyWithLogits(
  logits: TensorLike,
  targets: TensorLike,
  options?: BinaryCrossEntropyOptions,
): Tensor<"float32"> {
  const { weight, posWeight, reduction } = checkOptions(OPERATION, options, ["weight", "posWeight", "reduction"]);
  const x = describeFloat(OPERATION, "logits", logits);
  const z = describeTarget(OPERATION, "targets", targets);
  requireShape(OPERATION, z, [x.shape], ", that of the logits");
  const count = elementCount(x.shape);
  const details: BinaryCrossEntropyDetails = {
    logits: x,
    targets: z,
    weight: weight === undefined ? undefined : broadcast("weight", weight, x.shape),
    posWeight: posWeight === undefined ? undefined : broadcast("posWeight", posWeight, x.shape),
    divisor: divisorOf(checkReduction(OPERATION, reduction), count),
  };

  return runCall(OPERATION, (call) => {
    const [source, target] = [call.inputAsFloat32(x), call.inputAsFloat32(z)];
    const weights = weightPointers(call, details);
    const loss = reducedLoss(call, x.shape, details.divisor, (losses) =>
      call.kernel((kernels) => kernels.binary_cross_entropy(losses, source, target, ...weights, count)),
    );
    return call.record("binaryCrossEntropyWithLogits", [x], loss, details);
  });
}
