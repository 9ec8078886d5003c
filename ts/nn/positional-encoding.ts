import { checkBoolean, checkChoice, checkInteger, checkNumber, checkOptions } from "../arguments.js";
import { shapeError } from "../errors.js";
import { add } from "../ops/elementwise.js";
import { embedding } from "../ops/embedding.js";
import { describeFloat } from "../ops/float-operand.js";
import { LARGEST_SIZE } from "../ops/head-axes.js";
import type { IndicesLike } from "../ops/indices.js";
import { type TensorLike, tensorOf } from "../ops/operand.js";
import { readPositions } from "../ops/positions.js";
import { narrow, transpose } from "../ops/rearrangement.js";
import { sinusoidalPositions } from "../ops/sinusoidal-positions.js";
import { requireInstance } from "../runtime/instance.js";
import type { FloatDType } from "../tensor/dtype.js";
import { scope } from "../tensor/scope.js";
import type { Tensor } from "../tensor/tensor.js";
import { construct } from "./construct.js";
import { Dropout } from "./dropout.js";
import { drawn, normal } from "./initialization.js";
import { define, Module, rawModule, requireUsable } from "./module.js";
import { adoptParameters, buffer } from "./parameter.js";

const NAME = "PositionalEncoding";

/** As the tutorial of PyTorch has it. */
const DEFAULT_LENGTH = 5000;

/** BERT's and GPT-2's `initializer_range`. */
const STANDARD_DEVIATION = 0.02;

/** Options of `PositionalEncoding`. */
export interface PositionalEncodingOptions {
  /** "sinusoidal": fixed sines and cosines; "learned": a parameter, as in BERT and GPT-2. Default: "sinusoidal". */
  type?: "sinusoidal" | "learned";
  /** How many positions there are. Default: 5000. */
  maxLength?: number;
  /** Probability of dropping an element of the sum in training mode. Default: 0. */
  dropout?: number;
  /** Whether the batch comes first, as in `[B, L, E]`; else second, as in `[L, B, E]`. Default: false, as in PyTorch. */
  batchFirst?: boolean;
}

/** Options of `forward`. */
export interface PositionalEncodingForwardOptions {
  /**
   * The positions of the rows: an integer, the first one's, which the others follow, as when tokens are decoded one by one; or `[B,
   * L]`, or `[L]` or `[1, L]` for all batches. Default: 0.
   */
  positionIds?: IndicesLike | number;
}

/** A learned table. */
type Parameters = readonly Tensor<"float32">[];

/**
 * dropout(input + table[positions]): the positional encoding of "Attention Is All You Need" (Vaswani et al. 2017, 3.5), or learned
 * positions. The function `sinusoidalPositions` has the equation.
 *
 * - `"sinusoidal"`: the table is a buffer, `pe` `[maxLength, 1, dModel]`, by the name and shape that it has in PyTorch's tutorial
 *   "Language Modeling with nn.Transformer". Nothing is learned.
 * - `"learned"`: the table is a parameter, `weight` `[maxLength, dModel]`, as that of BERT's `position_embeddings` and GPT-2's `wpe`,
 *   and starts as theirs: normal with deviation 0.02.
 *
 * @example
 * ```js
 * import { init } from "wasm-attention";
 * import { PositionalEncoding } from "wasm-attention/nn";
 *
 * await init();
 * const layer = new PositionalEncoding(4, { maxLength: 100 });
 * const input = { data: new Float32Array(8), shape: [2, 4] };
 * console.log(layer.forward(input).toNested()); // about [[0, 1, 0, 1], [0.84, 0.54, 0.01, 1]]
 * console.log(layer.forward(input, { positionIds: 98 }).shape); // [2, 4]: positions 98 and 99
 * layer.dispose();
 * ```
 */
export class PositionalEncoding extends Module {
  /** Width of the tokens. */
  declare readonly dModel: number;
  /** Which table it is. */
  declare readonly type: "sinusoidal" | "learned";
  /** How many positions there are. */
  declare readonly maxLength: number;
  /** Whether the batch comes first. */
  declare readonly batchFirst: boolean;
  /** `[maxLength, 1, dModel]`; undefined when the table is learned. */
  declare readonly pe: Tensor<"float32"> | undefined;
  /** `[maxLength, dModel]`; undefined unless the table is learned. */
  declare readonly weight: Tensor<"float32"> | undefined;
  /** Of the sum. */
  declare readonly dropout: Dropout;

  /**
   * A layer in training mode.
   *
   * @param dModel Width of the tokens, at least 1.
   * @param options Which table, the number of positions, dropout, where the batch stands.
   * @throws {TypeError} for wrong kinds and unknown options.
   * @throws {RangeError} for wrong values, and for lack of memory.
   * @throws {AttentionError} before `init`.
   */
  constructor(dModel: number, options?: PositionalEncodingOptions);
  constructor(dModel: number, options?: PositionalEncodingOptions, given?: Parameters) {
    const {
      type = "sinusoidal",
      maxLength = DEFAULT_LENGTH,
      dropout = 0,
      batchFirst = false,
    } = checkOptions(NAME, options, ["type", "maxLength", "dropout", "batchFirst"]);
    checkInteger(NAME, "dModel", dModel, 1, LARGEST_SIZE);
    checkChoice(NAME, "type", type, ["sinusoidal", "learned"]);
    checkInteger(NAME, "maxLength", maxLength, 1, LARGEST_SIZE);
    checkNumber(NAME, "dropout", dropout, 0, 1);
    checkBoolean(NAME, "batchFirst", batchFirst);
    requireInstance(NAME);
    super();
    const table =
      type === "learned"
        ? { weight: (given ?? drawn(() => [normal(NAME, [maxLength, dModel], STANDARD_DEVIATION)]))[0] }
        : { pe: buffer(scope(() => sinusoidalPositions(maxLength, dModel).reshape([maxLength, 1, dModel]))) };
    define(this, { dModel, type, maxLength, batchFirst, ...table, dropout: new Dropout(dropout) });
  }

  /**
   * A layer of given learned positions. A float32 tensor is not copied: it becomes the layer's own, which disposes it with itself.
   * All else is copied to float32 and stays the caller's.
   *
   * @param weight `[maxLength, dModel]`, of any float dtype.
   * @param options Dropout, and where the batch stands.
   * @returns The layer, in training mode.
   * @throws {TypeError} for wrong kinds and unknown options.
   * @throws {RangeError} for another shape, wrong values, and for lack of memory.
   */
  static from(
    weight: TensorLike,
    options?: Pick<PositionalEncodingOptions, "dropout" | "batchFirst">,
  ): PositionalEncoding {
    return fromWeight(weight, options);
  }

  /** The name in errors. */
  override get [Symbol.toStringTag](): string {
    return NAME;
  }

  /**
   * Adds to every token the row of its position.
   *
   * @param input `[L, B, E]`, with `batchFirst` `[B, L, E]`, or `[L, E]` unbatched; float32, float16 or bfloat16.
   * @param options The positions, where they don't begin with 0.
   * @returns A tensor of the input's shape and dtype.
   * @throws {TypeError} for wrong kinds, and when the layer has been disposed.
   * @throws {RangeError} for another shape, for positions that there aren't, and for lack of memory.
   */
  forward(input: TensorLike, options?: PositionalEncodingForwardOptions): Tensor<FloatDType> {
    const { dModel, maxLength, batchFirst, pe, weight, dropout } = rawModule(this);
    const operation = requireUsable(this, "forward");
    const { positionIds } = checkOptions(operation, options, ["positionIds"]);
    const x = describeFloat(operation, "input", input);
    const isBatched = x.shape.length === 3;
    if ((!isBatched && x.shape.length !== 2) || x.shape[x.shape.length - 1] !== dModel) {
      const batched = batchFirst ? "B, L" : "L, B";
      throw shapeError(operation, "input", `shape [${batched}, ${dModel}] or [L, ${dModel}]`, x.shape);
    }
    const isBatchFirst = isBatched && batchFirst;
    const [L, B] = isBatchFirst ? [x.shape[1], x.shape[0]] : [x.shape[0], isBatched ? x.shape[1] : 1];
    if (L > maxLength) throw shapeError(operation, "input", `a length L of at most ${maxLength}, maxLength`, x.shape);
    const { ids, first } = readPositions(operation, "positionIds", positionIds, { B, L }, maxLength);

    return scope(() => {
      const table = weight ?? (pe as Tensor<"float32">).reshape([maxLength, dModel]);
      const rows = ids === undefined ? narrow(table, 0, first, L) : embedding(tensorOf(operation, ids), table);
      const batches = ids?.shape.length === 2 ? ids.shape[0] : 1;
      const encoding = isBatched ? rows.reshape([batches, L, dModel]) : rows.reshape([L, dModel]);
      return dropout.forward(add(input, isBatched && !batchFirst ? transpose(encoding, 0, 1) : encoding));
    });
  }
}

// Not in the class, as a class that names itself gets another name from bundlers.
function fromWeight(
  weight: TensorLike,
  options: Pick<PositionalEncodingOptions, "dropout" | "batchFirst"> | undefined,
): PositionalEncoding {
  const operation = `${NAME}.from`;
  const { dropout = 0, batchFirst = false } = checkOptions(operation, options, ["dropout", "batchFirst"]);
  checkNumber(operation, "dropout", dropout, 0, 1);
  checkBoolean(operation, "batchFirst", batchFirst);
  const operand = describeFloat(operation, "weight", weight);
  const { shape } = operand;
  if (shape.length !== 2 || shape.includes(0)) {
    throw shapeError(operation, "weight", "shape [maxLength, dModel], each at least 1", shape);
  }
  const [maxLength, dModel] = shape;
  const parameters = adoptParameters(operation, [operand]);
  return construct(PositionalEncoding, dModel, { type: "learned", maxLength, dropout, batchFirst }, parameters);
}
