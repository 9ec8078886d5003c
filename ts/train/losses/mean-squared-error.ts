import { checkOptions } from "../../arguments.js";
import { runCall } from "../../ops/call.js";
import { describeFloat, type FloatOperand } from "../../ops/float-operand.js";
import type { TensorLike } from "../../ops/operand.js";
import { elementCount, requireShape } from "../../tensor/shape.js";
import type { Tensor } from "../../tensor/tensor.js";
import { describeTarget } from "./target.js";
import { checkReduction, divisorOf, type LossOptions, reducedLoss } from "./reduction.js";

const OPERATION = "mseLoss";

/** What the gradient must know of a call. */
export interface MeanSquaredErrorDetails {
  readonly input: FloatOperand;
  readonly target: FloatOperand;
  readonly divisor: number | undefined;
}

/**
 * (input − target)², element by element, and its mean: PyTorch's `mse_loss`. The gradient at the input is 2 · (input − target),
 * at the target the opposite.
 *
 * Error of an element: at most 2^-22 · its result.
 *
 * @param input Any shape; float32, float16 or bfloat16.
 * @param target The same shape, of any dtype; integers and booleans are constants.
 * @param options The reduction. "mean" divides by the number of elements.
 * @returns A float32 tensor: of rank 0, or with "none" of the input's shape.
 * @throws {TypeError} for another dtype.
 * @throws {RangeError} for different shapes, another reduction, and for lack of memory.
 */
export function mseLoss(input: TensorLike, target: TensorLike, options?: LossOptions): Tensor<"float32"> {
  const { reduction } = checkOptions(OPERATION, options, ["reduction"]);
  const a = describeFloat(OPERATION, "input", input);
  const b = describeTarget(OPERATION, "target", target);
  requireShape(OPERATION, b, [a.shape], ", that of the input");
  const count = elementCount(a.shape);
  const divisor = divisorOf(checkReduction(OPERATION, reduction), count);

  return runCall(OPERATION, (call) => {
    const [source, other] = [call.inputAsFloat32(a), call.inputAsFloat32(b)];
    const loss = reducedLoss(call, a.shape, divisor, (losses) =>
      call.kernel((kernels) => kernels.mean_squared_error(losses, source, other, count)),
    );
    return call.record("mseLoss", [a, b], loss, { input: a, target: b, divisor } satisfies MeanSquaredErrorDetails);
  });
}
