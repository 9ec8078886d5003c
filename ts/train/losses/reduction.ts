import { checkChoice } from "../../arguments.js";
import type { Call } from "../../ops/call.js";
import { float32View } from "../../runtime/memory.js";
import { bytesPerElement } from "../../tensor/dtype.js";
import { elementCount, type Shape } from "../../tensor/shape.js";
import { pointerOf, type Tensor } from "../../tensor/tensor.js";
import type { GradientTensor } from "../rule.js";

/** What becomes of the losses of a call: their mean, their sum, or a tensor of all of them. */
export type Reduction = "mean" | "sum" | "none";

/** Options of every loss. */
export interface LossOptions {
  /** What becomes of the single losses. The mean of none is 0. Default: "mean". */
  reduction?: Reduction;
}

export const checkReduction = (operation: string, reduction: Reduction = "mean"): Reduction =>
  checkChoice(operation, "reduction", reduction, ["mean", "sum", "none"]);

/** How losses become the result: what their sum is divided by; undefined where they are not added up. */
export const divisorOf = (reduction: Reduction, count: number): number | undefined =>
  reduction === "none" ? undefined : reduction === "sum" ? 1 : count;

/** A result of losses of a shape, which `fill` computes; `divisor` as `divisorOf` gives it. */
export function reducedLoss(
  call: Call,
  shape: Shape,
  divisor: number | undefined,
  fill: (losses: number) => void,
): Tensor<"float32"> {
  if (divisor === undefined) return call.outputFromFloat32(shape, "float32", fill);
  const count = elementCount(shape);
  const losses = call.temporary(count * bytesPerElement.float32);
  return call.outputFromFloat32([], "float32", (output) => {
    fill(losses);
    call.kernel((kernels) => kernels.loss_reduction(output, losses, count, divisor));
  });
}

/** What each loss is multiplied with, and how many such factors there are: one for all, or one for each loss. */
export function lossFactors(
  call: Call,
  gradient: GradientTensor,
  divisor: number | undefined,
  multiplier = 1,
): readonly [pointer: number, count: number] {
  if (divisor === undefined && multiplier === 1) return [pointerOf(gradient), elementCount(gradient.shape)];
  const scale = divisor === 0 ? 0 : multiplier / (divisor ?? 1);
  const factors = gradient.toArray().map((value) => value * scale);
  return [call.words(float32View, factors), factors.length];
}
