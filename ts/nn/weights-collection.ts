import { checkIndex } from "../ops/indices.js";
import type { FloatDType } from "../tensor/dtype.js";
import { forget } from "../tensor/open-scopes.js";
import type { Tensor } from "../tensor/tensor.js";
import type { Module } from "./module.js";

/** The weights of one call of an attention layer. */
export interface LayerAttentionWeights {
  /** Where the layer stands in the model, as in `namedModules`: "encoder.layers.0.self_attn". */
  readonly name: string;
  /**
   * After dropout, in the query's dtype: `[B, heads, rows, T]`, or `[B, rows, T]` averaged; without B for unbatched inputs. Batch
   * first always. B batch, T keys with the extra ones of `addBiasKv` and `addZeroAttn`.
   */
  readonly weights: Tensor<FloatDType>;
}

/** Weights that are being collected. */
export interface Collection {
  /** Who collects, in errors. */
  readonly operation: string;
  /** The layers whose weights are wanted. */
  readonly names: ReadonlyMap<Module, string>;
  readonly selection: {
    readonly heads?: readonly number[];
    readonly rows?: readonly number[];
    readonly averageHeads: boolean;
  };
  /** In the order of the calls. They are in no scope. */
  readonly weights: LayerAttentionWeights[];
}

/** Those that are open now, outermost first. */
let open: readonly Collection[] = [];

/** Runs `fn` with these collections in place of those that are open. */
export function withCollections<R>(collections: readonly Collection[], fn: () => R): R {
  const before = open;
  open = collections;
  try {
    return fn();
  } finally {
    open = before;
  }
}

/** Runs `fn` with one more open collection. */
export const collecting = <R>(collection: Collection, fn: () => R): R => withCollections([...open, collection], fn);

/**
 * The collections that want the weights of a layer's call with so many queries: where nobody collects, one comparison. Throws a
 * RangeError for rows that it doesn't have.
 */
export function collectionsOf(layer: Module, queryLength: number): readonly Collection[] {
  if (open.length === 0) return open;
  return open.filter(({ operation, names, selection: { rows } }) => {
    const name = names.get(layer);
    if (name === undefined) return false;
    const argument = `rows of ${JSON.stringify(name)}`;
    rows?.forEach((row, at) => checkIndex(operation, argument, at, row, queryLength));
    return true;
  });
}

/** Hands the weights of a layer's call, which is done, to the collections that wanted them: one for each. */
export function collect(
  layer: Module,
  collections: readonly Collection[],
  tensors: readonly Tensor<FloatDType>[],
): void {
  collections.forEach(({ names, weights }, index) => {
    forget(tensors[index]);
    weights.push({ name: names.get(layer) as string, weights: tensors[index] });
  });
}
