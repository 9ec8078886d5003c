import { checkNumber } from "../arguments.js";
import { dropout } from "../ops/dropout.js";
import { describeFloat } from "../ops/float-operand.js";
import { type TensorLike, tensorOf } from "../ops/operand.js";
import type { FloatDType } from "../tensor/dtype.js";
import type { Tensor } from "../tensor/tensor.js";
import { define, Module, rawModule, requireUsable } from "./module.js";

const NAME = "Dropout";

/**
 * In training mode zeroes elements at random, each with probability p, and multiplies the others by 1 / (1 − p); in evaluation
 * mode gives what it gets. PyTorch's `nn.Dropout`; the function `dropout` says which elements. (Srivastava et al. 2014, "Dropout: A
 * Simple Way to Prevent Neural Networks from Overfitting".)
 *
 * @example
 * ```js
 * import { init, manualSeed } from "wasm-attention";
 * import { Dropout } from "wasm-attention/nn";
 *
 * await init();
 * manualSeed(1);
 * const layer = new Dropout(0.5);
 * const input = { data: [1, 1, 1, 1], shape: [4] };
 * console.log(layer.forward(input).toNested().every((x) => x === 0 || x === 2)); // true
 * console.log(layer.eval().forward(input).toNested()); // [1, 1, 1, 1]
 * ```
 */
export class Dropout extends Module {
  /** Probability of dropping an element in training mode. */
  declare readonly p: number;

  /**
   * A layer in training mode.
   *
   * @param p From 0 to 1. Default: 0.5.
   * @throws {TypeError} for anything but a number.
   * @throws {RangeError} for a number outside of 0 to 1.
   */
  constructor(p = 0.5) {
    checkNumber(NAME, "p", p, 0, 1);
    super();
    define(this, { p });
  }

  /** The name in errors. */
  override get [Symbol.toStringTag](): string {
    return NAME;
  }

  /**
   * Drops elements in training mode, by a seed that it draws from the generator that `manualSeed` sets.
   *
   * @param input Any shape; float32, float16 or bfloat16.
   * @returns A tensor of the input's shape and dtype: the input itself where it is a tensor and nothing is dropped.
   * @throws {TypeError} for another dtype, and when the layer has been disposed.
   * @throws {RangeError} for lack of memory.
   */
  forward(input: TensorLike): Tensor<FloatDType> {
    const { p, training } = rawModule(this);
    const operation = requireUsable(this, "forward");
    if (training && p > 0) return dropout(input, { p });
    const operand = describeFloat(operation, "input", input);
    return tensorOf(operation, operand) as Tensor<FloatDType>;
  }
}
