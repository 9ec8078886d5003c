import { rangeError, typeError } from "../errors.js";
import type { IndicesLike } from "../ops/indices.js";
import type { TensorLike } from "../ops/operand.js";
import { scope } from "../tensor/scope.js";
import type { Tensor } from "../tensor/tensor.js";
import { define, isModule, Module, rawModule, requireUsable } from "./module.js";

const NAME = "Sequential";

/** A module that makes a tensor of a tensor, or, as `Embedding`, of indices. */
export interface SequentialModule extends Module {
  /**
   * What the next module gets.
   *
   * @param input What the module before it gave.
   * @returns A tensor.
   * @throws What the module throws.
   */
  forward(input: TensorLike): Tensor;
}

/**
 * Modules one after the other, each of which gets what the one before it gives: PyTorch's `nn.Sequential`, with its names in the
 * state dict, `0.weight`, `1.weight` and so on. `model[0]` is the first module.
 *
 * @example
 * ```js
 * import { init, Linear } from "wasm-attention";
 * import { Embedding, LayerNorm, Sequential } from "wasm-attention/nn";
 *
 * await init();
 * const model = new Sequential(new Embedding(100, 8), new LayerNorm(8), new Linear(8, 2));
 * console.log(Object.keys(model.stateDict())); // ["0.weight", "1.weight", "1.bias", "2.weight", "2.bias"]
 * console.log(model.forward([[5, 7, 0]]).shape); // [1, 3, 2]
 * model.dispose();
 * ```
 */
export class Sequential extends Module {
  /** The modules, in order. */
  readonly [index: number]: SequentialModule;

  /**
   * A module in training mode, as are the modules in it when they are new.
   *
   * @param modules At least one, each with a method `forward`. It becomes the owner of them.
   * @throws {TypeError} for anything but such modules.
   * @throws {RangeError} for none at all.
   */
  constructor(...modules: SequentialModule[]) {
    if (modules.length === 0) throw rangeError(NAME, "modules", "at least one module", modules);
    modules.forEach((module, index) => {
      if (isModule(module) && typeof module.forward === "function") return;
      throw typeError(NAME, `modules[${index}]`, "a Module with a method forward", module);
    });
    super();
    define(this, { ...modules });
  }

  /** The name in errors. */
  override get [Symbol.toStringTag](): string {
    return NAME;
  }

  /**
   * Applies the modules in order.
   *
   * @param input What the first module takes: a tensor, or indices where it is an `Embedding`.
   * @returns What the last module gives.
   * @throws {TypeError} when the module has been disposed, and what the modules in it throw.
   * @throws {RangeError} what the modules in it throw.
   */
  forward(input: TensorLike | IndicesLike): Tensor {
    const raw = rawModule(this);
    requireUsable(this, "forward");
    return scope(() => {
      let value = input as TensorLike;
      for (let index = 0; index in raw; index++) value = raw[index].forward(value);
      return value as Tensor;
    });
  }
}
