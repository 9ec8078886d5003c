import { checkOptions } from "../arguments.js";
import { typeError } from "../errors.js";
import { kindOf } from "../kind.js";
import { filled } from "../tensor/filled.js";
import { clearRow, Embedding } from "./embedding.js";
import { normal, redraw } from "./initialization.js";
import { Module } from "./module.js";

const OPERATION = "initializeGpt";

const STANDARD_DEVIATION = 0.02;

/** The layers whose outputs the residual connections add up: of attention, and of feed-forward networks. */
const PROJECTIONS = /(^|\.)(out_proj|linear2|down_proj)\.weight$/;

/** Options of `initializeGpt`. */
export interface InitializeGptOptions {
  /** The names of the weights that project into the residual stream. Default: those of `out_proj`, `linear2` and `down_proj`. */
  projections?: RegExp;
}

/**
 * Gives a model's parameters the start of GPT-2 (Radford et al. 2019, 2.3), from the package's generator and in the order of
 * `namedParameters()`: all of rank 2 and more normal with deviation 0.02, but projections into the residual stream 0.02/√N, where N
 * is how many of these there are, two a layer; biases 0. The weights of norms stay as they are, and rows of embeddings that are not
 * learned (`paddingIdx`) are 0.
 *
 * @example
 * ```js
 * import { init, Linear, Module } from "wasm-attention";
 * import { Embedding, initializeGpt, TransformerEncoder } from "wasm-attention/nn";
 *
 * await init();
 * class Gpt extends Module {
 *   tokens = new Embedding(100, 16);
 *   layers = new TransformerEncoder(16, 2, { numLayers: 2, norm: true, normFirst: true, activation: "gelu", dimFeedforward: 64 });
 *   head = Linear.from(this.tokens.weight); // tied
 * }
 * const model = initializeGpt(new Gpt());
 * console.log(model.layers.layers[0].linear1.bias?.toArray().every((x) => x === 0)); // true
 * ```
 *
 * @param model Of layers of this package, or of others that name their parameters alike.
 * @param options Which weights project into the residual stream.
 * @returns The model.
 * @throws {TypeError} for anything but a module, other kinds and unknown options, and when the model has been disposed.
 * @throws {RangeError} for lack of memory.
 */
export function initializeGpt<M extends Module>(model: M, options?: InitializeGptOptions): M {
  if (!(model instanceof Module)) throw typeError(OPERATION, "model", "a Module", model);
  const { projections = PROJECTIONS } = checkOptions(OPERATION, options, ["projections"]);
  if (kindOf(projections) !== "RegExp") {
    throw typeError(OPERATION, "projections", "a regular expression", projections);
  }
  const parameters = [...model.namedParameters()];
  const weights = parameters.filter(([, { shape }]) => shape.length > 1);
  // A global expression would remember where its last match ended.
  const projected = weights.filter(([name]) => name.search(projections) >= 0);
  const least = STANDARD_DEVIATION / Math.sqrt(projected.length);
  for (const entry of parameters) {
    const [name, parameter] = entry;
    const deviation = projected.includes(entry) ? least : STANDARD_DEVIATION;
    if (weights.includes(entry)) redraw(parameter, (shape) => normal(OPERATION, shape, deviation));
    else if (name.endsWith("bias")) redraw(parameter, (shape) => filled(OPERATION, shape, 0));
  }
  for (const module of model.namedModules().values()) {
    if (module instanceof Embedding) clearRow(module.weight, module.paddingIdx);
  }
  return model;
}
