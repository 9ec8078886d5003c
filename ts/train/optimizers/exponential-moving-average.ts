import { checkNumber, checkOptions } from "../../arguments.js";
import { codedTypeError } from "../../errors.js";
import { runCall } from "../../ops/call.js";
import { overwrite } from "../../tensor/overwrite.js";
import { keep, scope } from "../../tensor/scope.js";
import { elementCount } from "../../tensor/shape.js";
import { markChanged, pointerOf, requireUsable, type Tensor } from "../../tensor/tensor.js";
import { type Parameters, readParameters } from "./parameter-groups.js";

const NAME = "ExponentialMovingAverage";

/** Options of `ExponentialMovingAverage`. */
export interface ExponentialMovingAverageOptions {
  /** How much of the averages stays in an update, from 0 to 1. Default: 0.999. */
  decay?: number;
}

/**
 * Averages of parameters over the steps of their training, which often do better than the parameters themselves: average ←
 * decay · average + (1 − decay) · parameter, from the parameters as they are at first. The averages belong to it: no scope
 * frees them, `dispose` does.
 *
 * @example
 * ```js
 * import { init, Linear } from "wasm-attention";
 * import { ExponentialMovingAverage } from "wasm-attention/train";
 *
 * await init();
 * const layer = new Linear(2, 1);
 * const average = new ExponentialMovingAverage(layer.parameters(), { decay: 0.99 });
 * average.update(); // after each step of the optimizer
 * average.swap(); // evaluate with the averages …
 * console.log(layer.forward({ data: [1, 2], shape: [2] }).shape); // [1]
 * average.swap(); // … and train on
 * average.dispose();
 * ```
 */
export class ExponentialMovingAverage {
  /** The parameters. */
  readonly parameters: readonly Tensor<"float32">[];
  /** Their averages, in the same order. */
  readonly averages: readonly Tensor<"float32">[];
  /** How much of the averages stays in an update. */
  readonly decay: number;

  /**
   * Averages that are the parameters as they are now.
   *
   * @param parameters What a module's `parameters()` gives, or groups.
   * @param options The decay.
   * @throws {TypeError} for wrong kinds, and for a tensor that is no leaf.
   * @throws {RangeError} without any parameter, for a wrong decay, and for lack of memory.
   */
  constructor(parameters: Parameters, options?: ExponentialMovingAverageOptions) {
    const { decay = 0.999 } = checkOptions(NAME, options, ["decay"]);
    this.decay = checkNumber(NAME, "decay", decay, 0, 1);
    this.parameters = readParameters(NAME, parameters);
    // A copy that is recorded by no tape.
    this.averages = scope(() => this.parameters.map((parameter) => parameter.detach().to("float32"))).map(keep);
  }

  /**
   * Moves the averages towards the parameters.
   *
   * @throws {TypeError} when the averages or a parameter have been disposed.
   */
  update(): void {
    const operation = `${NAME}.update`;
    this.#check(operation);
    runCall(operation, (call) => {
      this.averages.forEach((average, index) => {
        const [target, source] = [pointerOf(average), pointerOf(this.parameters[index])];
        const length = elementCount(average.shape);
        call.kernel((kernels) => kernels.average(target, source, length, this.decay, 1 - this.decay));
        markChanged(average);
      });
    });
  }

  /**
   * Exchanges the elements of parameters and averages: to evaluate with the averages, and once more to train on.
   *
   * @throws {TypeError} when the averages or a parameter have been disposed.
   */
  swap(): void {
    this.#check(`${NAME}.swap`);
    this.averages.forEach((average, index) => {
      const parameter = this.parameters[index];
      const elements = parameter.toArray();
      overwrite(parameter, average.view());
      overwrite(average, elements);
    });
  }

  /** Gives back the memory of the averages; parameters stay. Updates afterwards throw a TypeError. */
  dispose(): void {
    for (const average of this.averages) average.dispose();
  }

  #check(operation: string): void {
    if (this.averages.some(({ disposed }) => disposed)) {
      throw codedTypeError("ERR_DISPOSED", `${operation}: this: the averages have been disposed`);
    }
    for (const parameter of this.parameters) requireUsable(operation, "parameter", parameter);
  }
}
