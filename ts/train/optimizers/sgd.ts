import { checkBoolean, checkNumber, checkOptions } from "../../arguments.js";
import { rangeError } from "../../errors.js";
import { elementCount } from "../../tensor/shape.js";
import { pointerOf } from "../../tensor/tensor.js";
import { type Hyperparameters, Optimizer, type UpdateRule, withDefaults } from "./optimizer.js";
import type { Parameters } from "./parameter-groups.js";

/** Hyperparameters of SGD. */
export interface SgdHyperparameters extends Hyperparameters {
  /** How much of the buffer stays, at least 0; 0 for no buffer. */
  momentum: number;
  /** How much less than the whole gradient the buffer gets. */
  dampening: number;
  /** Step by the gradient and the momentum of the buffer, which it has already changed. */
  nesterov: boolean;
}

/** Options of SGD. */
export interface SgdOptions {
  /** Learning rate. Default: 0.001. */
  lr?: number;
  /** How much of the buffer of gradients stays. Default: 0: there is none. */
  momentum?: number;
  /** How much less than the whole gradient the buffer gets. Default: 0. */
  dampening?: number;
  /** What of the parameters is added to the gradients. Default: 0. */
  weightDecay?: number;
  /** Nesterov's momentum, which needs a momentum and no dampening. Default: false. */
  nesterov?: boolean;
}

const rule: UpdateRule<SgdHyperparameters> = {
  check: (operation, { momentum, dampening, nesterov }) => {
    checkNumber(operation, "momentum", momentum, 0);
    checkNumber(operation, "dampening", dampening);
    if (checkBoolean(operation, "nesterov", nesterov) && (momentum === 0 || dampening !== 0)) {
      throw rangeError(operation, "nesterov", "false, without a momentum or with dampening", nesterov);
    }
  },
  names: ({ momentum }) => (momentum === 0 ? [] : ["momentum_buffer"]),
  prepare: (_, { parameter, gradient, tensors, isNew, hyperparameters, lr }) => {
    const { weightDecay, momentum, dampening, nesterov } = hyperparameters;
    const buffer = momentum === 0 ? 0 : pointerOf(tensors.momentum_buffer);
    const [target, slope, length] = [pointerOf(parameter), pointerOf(gradient), elementCount(parameter.shape)];
    const numbers = [-lr, weightDecay, momentum, 1 - dampening, Number(nesterov), Number(isNew)] as const;
    return (kernels) => kernels.sgd(target, buffer, slope, length, ...numbers);
  },
};

/**
 * Stochastic gradient descent: PyTorch's, with its defaults. Of gradient g
 *
 *     g ← g + weightDecay · parameter
 *     buffer ← g at first, then momentum · buffer + (1 − dampening) · g
 *     parameter ← parameter − lr · buffer, with `nesterov` − lr · (g + momentum · buffer), without momentum − lr · g
 *
 * in float32, every product rounded before it is added, so that both arithmetics give the same bits.
 */
export class SGD extends Optimizer<SgdHyperparameters> {
  /**
   * An optimizer of these parameters, as yet without state.
   *
   * @param parameters What a module's `parameters()` gives, or groups `{ parameters, lr, weightDecay }`: leaves of float32.
   * @param options Hyperparameters of all groups that have none of their own.
   * @throws {TypeError} for wrong kinds, and for a tensor that is no leaf.
   * @throws {RangeError} without any parameter, for one that comes twice, and for wrong hyperparameters.
   */
  constructor(parameters: Parameters, options?: SgdOptions) {
    const given = checkOptions("SGD", options, ["lr", "momentum", "dampening", "weightDecay", "nesterov"]);
    const defaults = { lr: 1e-3, momentum: 0, dampening: 0, weightDecay: 0, nesterov: false };
    super("SGD", parameters, withDefaults<SgdHyperparameters>(defaults, given), rule);
  }
}
