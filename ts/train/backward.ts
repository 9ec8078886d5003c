import { checkBoolean, checkOptions } from "../arguments.js";
import { misuseError, shapeError, typeError } from "../errors.js";
import { isFloat } from "../tensor/dtype.js";
import type { BackwardOptions, Track } from "../tensor/recorder.js";
import { keep, scope } from "../tensor/scope.js";
import { elementCount, requireShape } from "../tensor/shape.js";
import {
  createTensor,
  isTensor,
  markChanged,
  refuseForeignTensor,
  requireUsable,
  type Tensor,
  trackOf,
} from "../tensor/tensor.js";
import { inMode } from "./mode.js";
import type { GradientTensor } from "./rule.js";
import { addTo, Session } from "./session.js";

/** A tensor to start from, checked, and the gradient that was given for it. */
interface Start {
  readonly track: Track;
  readonly gradient: Tensor | undefined;
}

/**
 * Adds the gradients of several tensors to the `grad` of every leaf that they were computed from, in one pass: as PyTorch's
 * `autograd.backward`. `tensor.backward(gradient)` does it for one.
 *
 * @param outputs Tensors that require gradients.
 * @param gradients For each its gradient, of its shape and of any float dtype; may be left out (or undefined) for tensors of one
 *   element, where it is 1.
 * @param options Whether the graph is kept.
 * @throws {TypeError} for wrong kinds, for a tensor that requires no gradients or has been disposed, after an earlier `backward`
 *   without `retainGraph`, and when a tensor that was saved has been changed since.
 * @throws {RangeError} for a missing gradient, one of another shape, another number of them, and for lack of memory.
 */
export function backward(
  outputs: readonly Tensor[],
  gradients?: readonly (Tensor | undefined)[],
  options?: BackwardOptions,
): void {
  const operation = "backward";
  if (!Array.isArray(outputs)) throw typeError(operation, "outputs", "an array of tensors", outputs);
  if (gradients !== undefined && !Array.isArray(gradients)) {
    throw typeError(operation, "gradients", "an array of tensors", gradients);
  }
  if (gradients !== undefined && gradients.length !== outputs.length) {
    throw shapeError(operation, "gradients", `${outputs.length}, one for each output`, gradients.length);
  }
  runBackward(operation, outputs, gradients ?? [], options);
}

/** `backward`, under the name that errors have. All or nothing: no leaf's `grad` changes when it throws. */
export function runBackward(
  operation: string,
  outputs: readonly Tensor[],
  gradients: readonly (Tensor | undefined)[],
  options: BackwardOptions | undefined,
): void {
  const { retainGraph = false } = checkOptions(operation, options, ["retainGraph"]);
  checkBoolean(operation, "retainGraph", retainGraph);
  const starts = outputs.map((output, index) => readStart(operation, output, gradients[index]));
  const session = new Session(operation, retainGraph);
  try {
    session.include(starts.map(({ track }) => track));
    scope(() => {
      const complete = inMode("off", () => {
        for (const { track, gradient } of starts) session.add(track, startingGradient(operation, track, gradient));
        return session.run();
      });
      // Memory is there for all of them: from here on nothing can fail.
      for (const [track, gradient] of complete) {
        if (!track.requiresGrad) continue;
        if (track.grad === null) track.grad = keep(gradient);
        else {
          addTo(track.grad, gradient);
          markChanged(track.grad);
        }
      }
    });
  } finally {
    session.end();
  }
}

function readStart(operation: string, output: Tensor, gradient: Tensor | undefined): Start {
  refuseForeignTensor(operation, "output", output);
  if (!isTensor(output)) throw typeError(operation, "output", "a Tensor", output);
  requireUsable(operation, "this", output);
  const track = trackOf(output);
  if (track?.requiresGrad !== true) {
    throw misuseError(operation, "this", "requires no gradients: none of what it was computed from does");
  }
  if (gradient === undefined) {
    if (elementCount(output.shape) !== 1) {
      throw shapeError(operation, "gradient", "one, for a tensor of more or fewer elements than one", output.shape);
    }
    return { track, gradient };
  }
  refuseForeignTensor(operation, "gradient", gradient);
  if (!isTensor(gradient)) throw typeError(operation, "gradient", "a Tensor", gradient);
  requireUsable(operation, "gradient", gradient);
  if (!isFloat(gradient.dtype)) {
    throw typeError(operation, "gradient", "float32, float16 or bfloat16", gradient.dtype);
  }
  requireShape(operation, { argument: "gradient", shape: gradient.shape }, [output.shape], ", that of the tensor");
  return { track, gradient };
}

function startingGradient(operation: string, { shape }: Track, gradient: Tensor | undefined): GradientTensor {
  if (gradient === undefined) {
    const one = createTensor(operation, shape, "float32");
    one.view().fill(1);
    return one;
  }
  return gradient.dtype === "float32" ? (gradient.detach() as GradientTensor) : gradient.to("float32");
}
