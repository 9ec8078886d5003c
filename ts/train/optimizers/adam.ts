import { checkBoolean, checkNumber, checkOptions } from "../../arguments.js";
import { rangeError, typeError } from "../../errors.js";
import { ArgumentBlock } from "../../ops/argument-block.js";
import { elementCount } from "../../tensor/shape.js";
import { pointerOf } from "../../tensor/tensor.js";
import { adamArguments } from "../../wasm/interface.js";
import { power } from "../power.js";
import { type Hyperparameters, Optimizer, type UpdateRule, withDefaults } from "./optimizer.js";
import type { Parameters } from "./parameter-groups.js";

/** Hyperparameters of Adam and AdamW. */
export interface AdamHyperparameters extends Hyperparameters {
  /** How much of the averages of gradients and of their squares stays, each from 0 to less than 1. */
  betas: readonly [number, number];
  /** Added to the divisor, at least 0. */
  eps: number;
  /** Divide by the largest average of squares so far. */
  amsgrad: boolean;
}

/** Options of Adam. */
export interface AdamOptions {
  /** Learning rate. Default: 0.001. */
  lr?: number;
  /** How much of the averages of gradients and of their squares stays. Default: [0.9, 0.999]. */
  betas?: readonly [number, number];
  /** Added to the divisor. Default: 1e-8. */
  eps?: number;
  /** What of the parameters is added to the gradients. Default: 0. */
  weightDecay?: number;
  /** Divide by the largest average of squares so far. (Reddi et al. 2018.) Default: false. */
  amsgrad?: boolean;
}

/** Options of AdamW. */
export interface AdamWOptions extends AdamOptions {
  /** What share of lr · parameter is taken from the parameters. Default: 0.01. */
  weightDecay?: number;
}

function check(operation: string, { betas, eps, amsgrad }: AdamHyperparameters): void {
  if (!Array.isArray(betas) || betas.length !== 2) throw typeError(operation, "betas", "two numbers", betas);
  betas.forEach((beta: unknown, index) => {
    const argument = `betas[${index}]`;
    if (checkNumber(operation, argument, beta, 0, 1) === 1) throw rangeError(operation, argument, "less than 1", beta);
  });
  checkNumber(operation, "eps", eps, 0);
  checkBoolean(operation, "amsgrad", amsgrad);
}

const ruleOf = (isDecoupled: boolean): UpdateRule<AdamHyperparameters> => ({
  check,
  names: ({ amsgrad }) => ["exp_avg", "exp_avg_sq", ...(amsgrad ? ["max_exp_avg_sq"] : [])],
  prepare: (call, { parameter, gradient, tensors, step, hyperparameters, lr }) => {
    const { betas, eps, weightDecay, amsgrad } = hyperparameters;
    const [beta1, beta2] = betas;
    const { pointer } = new ArgumentBlock(call, adamArguments, {
      parameter: pointerOf(parameter),
      first: pointerOf(tensors.exp_avg),
      second: pointerOf(tensors.exp_avg_sq),
      largest: amsgrad ? pointerOf(tensors.max_exp_avg_sq) : 0,
      gradient: pointerOf(gradient),
      length: elementCount(parameter.shape),
      decay: isDecoupled ? 1 - lr * weightDecay : 1,
      weightDecay: isDecoupled ? 0 : weightDecay,
      firstShare: 1 - beta1,
      secondDecay: beta2,
      secondShare: 1 - beta2,
      stepSize: -lr / (1 - power(beta1, step)),
      correction: Math.sqrt(1 - power(beta2, step)),
      epsilon: eps,
    });
    return (kernels) => kernels.adam(pointer);
  },
});

const complete = (operation: string, options: AdamOptions | undefined, weightDecay: number): AdamHyperparameters =>
  withDefaults<AdamHyperparameters>(
    { lr: 1e-3, betas: [0.9, 0.999], eps: 1e-8, weightDecay, amsgrad: false },
    checkOptions(operation, options, ["lr", "betas", "eps", "weightDecay", "amsgrad"]),
  );

/**
 * Adam (Kingma and Ba 2015): PyTorch's, with its defaults. Of gradient g in step t
 *
 *     g ← g + weightDecay · parameter
 *     m ← m + (1 − β1) · (g − m)
 *     v ← β2 · v + (1 − β2) · g²
 *     parameter ← parameter − lr / (1 − β1^t) · m / (√v / √(1 − β2^t) + eps)
 *
 * in float32, every product rounded before it is added, so that both arithmetics give the same bits.
 */
export class Adam extends Optimizer<AdamHyperparameters> {
  /**
   * An optimizer of these parameters, as yet without state.
   *
   * @param parameters What a module's `parameters()` gives, or groups `{ parameters, lr, weightDecay }`: leaves of float32.
   * @param options Hyperparameters of all groups that have none of their own.
   * @throws {TypeError} for wrong kinds, and for a tensor that is no leaf.
   * @throws {RangeError} without any parameter, for one that comes twice, and for wrong hyperparameters.
   */
  constructor(parameters: Parameters, options?: AdamOptions) {
    super("Adam", parameters, complete("Adam", options, 0), ruleOf(false));
  }
}

/**
 * AdamW (Loshchilov and Hutter 2019): PyTorch's, with its defaults. As `Adam`, but the weights decay by themselves, not
 * through the gradient: parameter ← parameter · (1 − lr · weightDecay) at first.
 *
 * @example
 * ```js
 * import { init, Linear } from "wasm-attention";
 * import { AdamW, mseLoss } from "wasm-attention/train";
 *
 * await init();
 * const layer = new Linear(2, 1);
 * const optimizer = new AdamW(layer.parameters(), { lr: 0.1 });
 * const loss = () => mseLoss(layer.forward({ data: [1, 2], shape: [1, 2] }), { data: [3], shape: [1, 1] });
 * const first = loss().item();
 * for (let step = 0; step < 100; step++) {
 *   loss().backward();
 *   optimizer.step();
 *   optimizer.zeroGrad();
 * }
 * console.log(loss().item() < first / 100); // true
 * ```
 */
export class AdamW extends Optimizer<AdamHyperparameters> {
  /**
   * An optimizer of these parameters, as yet without state.
   *
   * @param parameters What a module's `parameters()` gives, or groups `{ parameters, lr, weightDecay }`: leaves of float32.
   * @param options Hyperparameters of all groups that have none of their own.
   * @throws {TypeError} for wrong kinds, and for a tensor that is no leaf.
   * @throws {RangeError} without any parameter, for one that comes twice, and for wrong hyperparameters.
   */
  constructor(parameters: Parameters, options?: AdamWOptions) {
    super("AdamW", parameters, complete("AdamW", options, 0.01), ruleOf(true));
  }
}
