import { add } from "../ops/elementwise.js";
import type { FloatDType } from "../tensor/dtype.js";
import type { Tensor } from "../tensor/tensor.js";

/** What stands between two places of a model: a layer, or a function of a sequence. */
export interface Step {
  forward(x: Tensor<FloatDType>): Tensor<FloatDType>;
}

/**
 * Applies steps one after the other. What lies between two is freed as soon as the later one has read it, so that of a whole stack
 * there is only what one layer needs. (A backward pass has its own hold on what it needs.) When one throws, the scope frees the rest.
 */
export function chain(input: Tensor<FloatDType>, steps: readonly Step[]): Tensor<FloatDType> {
  return steps.reduce((x, step) => {
    const result = step.forward(x);
    if (x !== input && x !== result) x.dispose();
    return result;
  }, input);
}

/** x + branch(norm(x)) where the norm comes first (Xiong et al. 2020), else norm(x + branch(x)) (Vaswani et al. 2017). */
export const residual = (normFirst: boolean, norm: Step, branch: readonly Step[]): Step => ({
  forward: (x) => {
    const sum: Step = { forward: (y) => add(x, y) };
    return chain(x, normFirst ? [norm, ...branch, sum] : [...branch, sum, norm]);
  },
});
