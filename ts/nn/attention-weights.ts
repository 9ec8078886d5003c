import { checkBoolean, checkOptions, requireDone } from "../arguments.js";
import { rangeError, typeError } from "../errors.js";
import { kindOf } from "../kind.js";
import { readSelection } from "../ops/attention/weights-request.js";
import { LARGEST_SIZE } from "../ops/head-axes.js";
import type { IndicesLike } from "../ops/indices.js";
import { register } from "../tensor/open-scopes.js";
import { AttentionModule } from "./attention-module.js";
import { type Module, requireModule } from "./module.js";
import { type Collection, collecting, type LayerAttentionWeights } from "./weights-collection.js";

const OPERATION = "attentionWeights";

/** Options of `attentionWeights`. */
export interface AttentionWeightsOptions {
  /** Which attention layers: those whose names a regular expression matches, or the names. Default: all. */
  layers?: RegExp | readonly string[];
  /** Which query heads, in the order of the result. Default: all. */
  heads?: IndicesLike;
  /** Which query rows, in the order of the result. Default: all, which takes memory for every query and key. */
  rows?: IndicesLike;
  /** Return the mean over these heads instead. Default: false. */
  averageHeads?: boolean;
}

/** What `attentionWeights` returns. */
export interface AttentionWeightsResult<R> {
  /** What the function has returned. */
  result: R;
  /** One for each call of a chosen layer, in the order of the calls. */
  weights: LayerAttentionWeights[];
}

/**
 * Runs `fn` and returns, beside its result, the attention weights of the layers in `model` that were called meanwhile: of all
 * `MultiheadAttention` and `SelfAttention`, wherever they stand, without a word of it in any `forward`. Heads and rows that
 * aren't chosen cost nothing, and neither does anything when this function isn't used. Results have the same bits as without.
 *
 * The weights are those that `needWeights` gives, which stays free for whoever calls the layer: of both, and of calls of this
 * function in `fn`, each gets what it asks for (attention is then computed once for each). A layer that is called twice is
 * there twice. What is called outside of `model` is left alone.
 *
 * With `wasm-attention/train` a loss on the weights has gradients. Inside of `checkpoint` weights are constants, as nothing is
 * recorded there: for gradients call this function in the checkpointed function, and return the weights from it.
 *
 * @example
 * ```ts
 * import { attentionWeights, init, Module, randn, SelfAttention, type Tensor } from "wasm-attention";
 *
 * await init();
 * class Model extends Module {
 *   layers = [new SelfAttention(8, 2), new SelfAttention(8, 2)];
 *
 *   forward(x: Tensor): Tensor {
 *     return this.layers.reduce((y, layer) => layer.forward(y, { isCausal: true }).output, x);
 *   }
 * }
 * const model = new Model();
 * const x = randn([1, 5, 8]);
 * const { result, weights } = attentionWeights(model, () => model.forward(x), { layers: /^layers\.1$/, rows: [4] });
 * console.log(result.shape); // [1, 5, 8]
 * for (const { name, weights: of } of weights) console.log(name, of.shape); // layers.1 [1, 2, 1, 5]
 * model.dispose();
 * ```
 *
 * @param model A module that holds the layers, or is one (whose name is "").
 * @param fn A function that calls it, and is done when it returns.
 * @param options Which layers, heads and rows.
 * @returns The result of `fn`, and the weights, which belong to the caller's scope.
 * @throws {TypeError} for wrong kinds, a model that has been disposed, and when `fn` returns a promise.
 * @throws {RangeError} for layers, heads and rows that aren't there, and for lack of memory.
 * @throws Whatever `fn` throws.
 */
export function attentionWeights<R>(
  model: Module,
  fn: () => R,
  options?: AttentionWeightsOptions,
): AttentionWeightsResult<R> {
  requireModule(OPERATION, "model", model);
  if (typeof fn !== "function") throw typeError(OPERATION, "fn", "a function", fn);
  const given: AttentionWeightsOptions = checkOptions(OPERATION, options, ["layers", "heads", "rows", "averageHeads"]);
  const layers = chosenLayers(model, given.layers);
  const collection: Collection = {
    operation: OPERATION,
    names: new Map(layers.map(([name, layer]) => [layer, name])),
    selection: readChoice(given, layers),
    weights: [],
  };
  const { weights } = collection;
  try {
    const result = collecting(collection, fn);
    requireDone(OPERATION, "fn", result);
    for (const { weights: tensor } of weights) register(tensor);
    return { result, weights };
  } catch (error) {
    for (const { weights: tensor } of weights) tensor.dispose();
    throw error;
  }
}

type NamedLayer = readonly [name: string, layer: AttentionModule];

/** Throws a TypeError for another kind of choice, and a RangeError for one that finds nothing. */
function chosenLayers(model: Module, chosen: AttentionWeightsOptions["layers"]): readonly NamedLayer[] {
  const all = [...model.namedModules()].filter((entry): entry is [string, AttentionModule] => {
    return entry[1] instanceof AttentionModule;
  });
  if (chosen === undefined) return all;
  const names = all.map(([name]) => name);
  const refuse = (value: unknown): never => {
    throw rangeError(
      OPERATION,
      "layers",
      `names of attention layers, which are ${names.map(quoted).join(", ")}`,
      value,
    );
  };
  if (Array.isArray(chosen)) {
    for (const name of chosen as readonly unknown[]) if (!(names as unknown[]).includes(name)) refuse(name);
    return all.filter(([name]) => chosen.includes(name));
  }
  if (kindOf(chosen) !== "RegExp") {
    throw typeError(OPERATION, "layers", "a regular expression or an array of names", chosen);
  }
  // A global expression would remember where its last match ended.
  const found = all.filter(([name]) => name.search(chosen as RegExp) >= 0);
  return found.length === 0 ? refuse(String(chosen)) : found;
}

const quoted = (name: string): string => JSON.stringify(name);

/** Rows are checked against each call, when it comes. */
function readChoice(
  { heads, rows, averageHeads = false }: AttentionWeightsOptions,
  layers: readonly NamedLayer[],
): Collection["selection"] {
  const headCount = Math.min(LARGEST_SIZE, ...layers.map(([, { numHeads }]) => numHeads));
  return {
    averageHeads: checkBoolean(OPERATION, "averageHeads", averageHeads),
    ...(heads !== undefined && { heads: readSelection(OPERATION, "heads", heads, headCount) }),
    ...(rows !== undefined && { rows: readSelection(OPERATION, "rows", rows, LARGEST_SIZE) }),
  };
}
