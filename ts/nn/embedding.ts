import { checkInteger, checkOptions } from "../arguments.js";
import { shapeError } from "../errors.js";
import { hidden } from "../hidden.js";
import { embedding } from "../ops/embedding.js";
import { describeFloat } from "../ops/float-operand.js";
import type { IndicesLike } from "../ops/indices.js";
import type { TensorLike } from "../ops/operand.js";
import { requireInstance } from "../runtime/instance.js";
import type { FloatDType } from "../tensor/dtype.js";
import { scope } from "../tensor/scope.js";
import type { Tensor } from "../tensor/tensor.js";
import { construct } from "./construct.js";
import { drawn, normal } from "./initialization.js";
import { define, Module, rawModule, requireUsable } from "./module.js";
import { adoptParameters } from "./parameter.js";

const NAME = "Embedding";

/** A place for what an adapter makes of the vectors that were looked up: others, of the indices. */
interface Slot {
  adapter: ((vectors: Tensor<FloatDType>, indices: IndicesLike) => Tensor<FloatDType>) | undefined;
}

const slots = /* @__PURE__ */ hidden<Embedding, Slot>();

/** That of an Embedding; undefined for all else. */
export const embeddingSlot = (module: unknown): Slot | undefined => slots.get(module);

/** Options of `Embedding`. */
export interface EmbeddingLayerOptions {
  /** A row that starts as zeros and is not learned, that of padding. -1 is the last. Default: none. */
  paddingIdx?: number;
}

/** Sets a row of a table to 0, where there is such a row. */
export function clearRow(table: Tensor<"float32">, row: number | undefined): void {
  const [, columns] = table.shape;
  if (row !== undefined) table.view().fill(0, row * columns, (row + 1) * columns);
}

/**
 * A vector for each token: PyTorch's `nn.Embedding`, with its parameter, state dict and initialisation.
 *
 * `weight` `[numEmbeddings, embeddingDim]` is float32. The mode, training or evaluation, makes no difference.
 *
 * @example
 * ```js
 * import { init } from "wasm-attention";
 * import { Embedding } from "wasm-attention/nn";
 *
 * await init();
 * const layer = new Embedding(100, 8, { paddingIdx: 0 });
 * console.log(layer.forward([[5, 7, 0]]).shape); // [1, 3, 8]
 * layer.dispose();
 * ```
 */
export class Embedding extends Module {
  /** The number of tokens. */
  declare readonly numEmbeddings: number;
  /** Width of a vector. */
  declare readonly embeddingDim: number;
  /** The row that is not learned, counted from 0; undefined for none. */
  declare readonly paddingIdx: number | undefined;
  /** `[numEmbeddings, embeddingDim]` */
  declare readonly weight: Tensor<"float32">;

  /**
   * A layer in training mode, with vectors from the package's generator, normal with deviation 1.
   *
   * @param numEmbeddings The number of tokens, at least 1.
   * @param embeddingDim Width of a vector, at least 1.
   * @param options A row for padding.
   * @throws {TypeError} for wrong kinds and unknown options.
   * @throws {RangeError} for wrong values, and for lack of memory.
   * @throws {AttentionError} before `init`.
   */
  constructor(numEmbeddings: number, embeddingDim: number, options?: EmbeddingLayerOptions);
  constructor(
    numEmbeddings: number,
    embeddingDim: number,
    options?: EmbeddingLayerOptions,
    given?: readonly Tensor<"float32">[],
  ) {
    const { paddingIdx: asked } = checkOptions(NAME, options, ["paddingIdx"]);
    checkInteger(NAME, "numEmbeddings", numEmbeddings, 1);
    checkInteger(NAME, "embeddingDim", embeddingDim, 1);
    if (asked !== undefined) checkInteger(NAME, "paddingIdx", asked, -numEmbeddings, numEmbeddings - 1);
    const paddingIdx = asked !== undefined && asked < 0 ? asked + numEmbeddings : asked;
    requireInstance(NAME);
    super();
    const create = (): Tensor<"float32"> => {
      const table = normal(NAME, [numEmbeddings, embeddingDim], 1);
      clearRow(table, paddingIdx);
      return table;
    };
    const [weight] = given ?? drawn(() => [create()]);
    define(this, { numEmbeddings, embeddingDim, paddingIdx, weight });
    slots.set(this, { adapter: undefined });
  }

  /**
   * A layer of given vectors (PyTorch's `from_pretrained`, which also freezes them: here `requiresGrad(false)` does). A float32 tensor
   * is not copied: it becomes the layer's own, which disposes it with itself, and may be another module's parameter too (tied
   * weights). All else is copied to float32 and stays the caller's.
   *
   * @param weight `[numEmbeddings, embeddingDim]`, of any float dtype.
   * @param options A row for padding, which stays as it is.
   * @returns The layer, in training mode.
   * @throws {TypeError} for wrong kinds and unknown options.
   * @throws {RangeError} for another shape, a wrong row, and for lack of memory.
   */
  static from(weight: TensorLike, options?: EmbeddingLayerOptions): Embedding {
    return fromWeight(weight, options);
  }

  /** The name in errors. */
  override get [Symbol.toStringTag](): string {
    return NAME;
  }

  /**
   * Looks tokens up.
   *
   * @param indices Any shape; integers from 0 to numEmbeddings − 1, as `embedding` takes them.
   * @returns `[...indices.shape, embeddingDim]`, float32.
   * @throws {TypeError} for indices that aren't integers, and when the layer has been disposed.
   * @throws {RangeError} for an index without a row, and for lack of memory.
   */
  forward(indices: IndicesLike): Tensor<FloatDType> {
    const { weight, paddingIdx } = rawModule(this);
    requireUsable(this, "forward");
    const adapter = slots.get(this)?.adapter;
    if (adapter === undefined) return embedding(indices, weight, { paddingIdx });
    return scope(() => adapter(embedding(indices, weight, { paddingIdx }), indices));
  }
}

// Not in the class, as a class that names itself gets another name from bundlers.
function fromWeight(weight: TensorLike, options: EmbeddingLayerOptions | undefined): Embedding {
  const operation = `${NAME}.from`;
  const operand = describeFloat(operation, "weight", weight);
  const { shape } = operand;
  if (shape.length !== 2 || shape.includes(0)) {
    throw shapeError(operation, "weight", "shape [numEmbeddings, embeddingDim], each at least 1", shape);
  }
  const [rows, columns] = shape;
  const { paddingIdx } = checkOptions<EmbeddingLayerOptions>(operation, options, ["paddingIdx"]);
  if (paddingIdx !== undefined) checkInteger(operation, "paddingIdx", paddingIdx, -rows, rows - 1);
  return construct(Embedding, rows, columns, { paddingIdx }, adoptParameters(operation, [operand]));
}
