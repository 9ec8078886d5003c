import { checkBoolean, checkOptions, checkSeed } from "../arguments.js";
import { misuseError, shapeError } from "../errors.js";
import type { WeightsSelection } from "../ops/attention/options.js";
import { scaledDotProductAttention } from "../ops/attention/scaled-dot-product-attention.js";
import { appendRows } from "../ops/concatenation.js";
import { describeFloat } from "../ops/float-operand.js";
import type { IndicesLike } from "../ops/indices.js";
import type { MaskLike } from "../ops/mask-operand.js";
import type { NumbersLike } from "../ops/numbers.js";
import type { Operand, TensorLike } from "../ops/operand.js";
import type { WhenAskedFor } from "../ops/options-given.js";
import type { PackedLinear } from "../ops/packed-linear.js";
import { POSITIONS, type Positions, readPositions } from "../ops/positions.js";
import { drawSeed } from "../ops/random.js";
import { rotaryEmbedding, type RotaryEmbeddingOptions } from "../ops/rotary-embedding.js";
import type { FloatDType } from "../tensor/dtype.js";
import { scope } from "../tensor/scope.js";
import type { Shape } from "../tensor/shape.js";
import { isTensor, Tensor } from "../tensor/tensor.js";
import { construct } from "./construct.js";
import { type AttentionParameters, drawParameters, readParameters } from "./attention-parameters.js";
import { type Configuration, type MultiheadAttentionOptions, readConfiguration } from "./configuration.js";
import { createInProjections, type InProjections } from "./in-projections.js";
import { Linear } from "./linear.js";
import { attentionMasks, readMasks } from "./masks.js";
import { define, Module, rawModule, requireUsable } from "./module.js";
import type { LoadStateDictOptions, StateDictLike } from "./state-dict.js";
import { collect, collectionsOf } from "./weights-collection.js";

/** Options of `forward`. Letters: B batch, L queries, S keys. */
export interface AttentionForwardOptions {
  /**
   * `[B, S]`, or `[S]` for unbatched inputs. Boolean (also arrays of booleans or of 0 and 1, bigints too): true **hides** a
   * key, as in PyTorch's module, the opposite of `scaledDotProductAttention`. Float: added to the scores.
   */
  keyPaddingMask?: MaskLike;
  /** `[L, S]`, or `[B·numHeads, L, S]` with the heads of a batch side by side. bool: true **hides**; float: added. */
  attnMask?: MaskLike;
  /** Return the attention weights, which takes memory for all of them. Default: false (PyTorch's is true). */
  needWeights?: boolean;
  /** Return the mean over the heads, else the weights of every head. Default: true. */
  averageAttnWeights?: boolean;
  /** `[B]` integers from 0 to S, `[1]` unbatched: hide keys from there on. Extra keys stay visible, as with masks. */
  keyLengths?: NumbersLike;
  /**
   * The positions of the queries, by which `rotary` turns them: an integer, the first one's, which the others follow; or `[B,
   * L]`, or `[L]` or `[1, L]` for all batches. Only with `rotary`. Default: 0. Causality goes by the places in the call.
   */
  positionIds?: IndicesLike | number;
  /** The positions of the keys, where they are others: `[B, S]`, or as `positionIds`, which are the default. */
  keyPositionIds?: IndicesLike | number;
  /** Hide keys that come after the query, with or without `attnMask` (in PyTorch a mere hint). Default: false. */
  isCausal?: boolean;
  /** Seed of the dropout. Default: one draw from the generator that `manualSeed` sets, when there is any dropout. */
  seed?: number | bigint;
}

/** With `needWeights`. */
interface WithWeights {
  /**
   * After dropout, in the query's dtype: `[B, L, T]`, or `[B, numHeads, L, T]` without averaging; without B for unbatched
   * inputs. Batch first always.
   */
  weights: Tensor<FloatDType>;
}

/**
 * What `forward` returns for options of the type `Given`; by default all that there may be. Letters: B batch, L queries, T
 * keys with the extra ones of `addBiasKv` and `addZeroAttn`.
 */
export type AttentionForwardResult<Given = AttentionForwardOptions> = {
  /** In the shape and dtype of the query. */
  output: Tensor<FloatDType>;
} & WhenAskedFor<Given, "needWeights", WithWeights>;

const forwardOptionNames = [
  "keyPaddingMask",
  "attnMask",
  "needWeights",
  "averageAttnWeights",
  "isCausal",
  "keyLengths",
  "positionIds",
  "keyPositionIds",
  "seed",
] as const satisfies readonly (keyof AttentionForwardOptions)[];

/** An input with its name in errors. */
export interface NamedInput {
  readonly argument: string;
  readonly value: TensorLike;
}

/** What the inputs of a call say. */
interface Inputs {
  readonly batch: number;
  readonly queryLength: number;
  readonly keyLength: number;
  readonly isUnbatched: boolean;
  /** Unbatched inputs are a batch of one. */
  readonly isBatchFirst: boolean;
  readonly outputShape: Shape;
  readonly dtype: FloatDType;
}

/** What a module is made of; without parameters they are drawn. */
export interface GivenAttention {
  readonly configuration: Configuration;
  readonly parameters?: AttentionParameters;
}

/** Options of `from`. */
export type WithPrefix<Options> = Options & Pick<LoadStateDictOptions, "prefix">;

/** Checks the arguments of `from`. */
export function readGiven(
  operation: string,
  dict: StateDictLike,
  embedDim: number,
  numHeads: number,
  options: WithPrefix<MultiheadAttentionOptions> | undefined,
  allowed: readonly (keyof MultiheadAttentionOptions)[],
): Required<GivenAttention> {
  const configuration = readConfiguration(operation, embedDim, numHeads, options, [...allowed, "prefix"]);
  return { configuration, parameters: readParameters(operation, configuration, dict, options?.prefix) };
}

/** A module of one of the public classes from what was read, which their declared constructors don't take. */
export function createGiven<M extends Module>(
  publicClass: new (...content: never[]) => M,
  given: Required<GivenAttention>,
): M {
  const { embedDim, numHeads } = given.configuration;
  return construct(publicClass, embedDim, numHeads, undefined, given);
}

/**
 * Multi-head attention with projections of its own. What the public modules share.
 *
 * Letters: B batch, L queries, S keys, E embedDim, H numHeads, G numKvHeads, D headDim.
 */
export abstract class AttentionModule extends Module {
  /** Width E of queries and outputs. */
  declare readonly embedDim: number;
  /** Number H of query heads. */
  declare readonly numHeads: number;
  /** Number G of heads of keys and values. */
  declare readonly numKvHeads: number;
  /** Width D of a head. */
  declare readonly headDim: number;
  /** Width of keys. */
  declare readonly kdim: number;
  /** Width of values. */
  declare readonly vdim: number;
  /** Probability of dropping an attention weight in training mode. */
  declare readonly dropout: number;
  /** Whether the projections have biases. */
  declare readonly bias: boolean;
  /** Whether a learned key and value are appended, `bias_k` and `bias_v`. */
  declare readonly addBiasKv: boolean;
  /** Whether a key and a value of zeros are appended. */
  declare readonly addZeroAttn: boolean;
  /** Whether the batch comes first. */
  declare readonly batchFirst: boolean;
  /** How queries and keys are turned; undefined when they are not. */
  declare readonly rotary: Configuration["rotary"];
  /** The slopes of ALiBi, one a head; undefined without. */
  declare readonly alibi: Configuration["alibi"];
  /** `[(H + 2·G)·D, E]`, unless keys or values have another width than E. */
  declare readonly in_proj_weight: Tensor<"float32"> | undefined;
  /** `[H·D, E]`, where there is no `in_proj_weight`. */
  declare readonly q_proj_weight: Tensor<"float32"> | undefined;
  /** `[G·D, kdim]`, likewise. */
  declare readonly k_proj_weight: Tensor<"float32"> | undefined;
  /** `[G·D, vdim]`, likewise. */
  declare readonly v_proj_weight: Tensor<"float32"> | undefined;
  /** `[(H + 2·G)·D]`, with `bias`. */
  declare readonly in_proj_bias: Tensor<"float32"> | undefined;
  /** `[1, 1, G·D]`, with `addBiasKv`. */
  declare readonly bias_k: Tensor<"float32"> | undefined;
  /** `[1, 1, G·D]`, with `addBiasKv`. */
  declare readonly bias_v: Tensor<"float32"> | undefined;
  /** `weight` `[E, H·D]`, and `bias` `[E]` with `bias`. */
  declare readonly out_proj: Linear;
  readonly #projections: InProjections;

  protected constructor({ configuration, parameters: given }: GivenAttention) {
    super();
    const parameters = given ?? drawParameters(this[Symbol.toStringTag], configuration);
    const { "out_proj.weight": weight, "out_proj.bias": bias, ...own } = parameters;
    define(this, { ...configuration, ...own, out_proj: Linear.from(weight, bias) });
    this.#projections = createInProjections(this, configuration, parameters);
  }

  protected attend(
    query: NamedInput,
    key: NamedInput,
    value: NamedInput,
    options: AttentionForwardOptions | undefined,
  ): AttentionForwardResult {
    const layer = rawModule(this);
    const operation = requireUsable(layer, "forward");
    const given: AttentionForwardOptions = checkOptions(operation, options, forwardOptionNames);
    const { needWeights = false, averageAttnWeights = true, isCausal = false } = given;
    for (const [argument, flag] of Object.entries({ needWeights, averageAttnWeights, isCausal })) {
      checkBoolean(operation, argument, flag);
    }
    if (given.seed !== undefined) checkSeed(operation, "seed", given.seed);
    const inputs = readInputs(operation, layer, query, key, value);
    const { batch, queryLength, keyLength, isUnbatched, isBatchFirst, dtype } = inputs;
    const { numHeads, numKvHeads, headDim, addBiasKv, addZeroAttn, rotary, alibi } = layer;
    const masks = readMasks(operation, given, isCausal, { ...inputs, heads: numHeads });
    const rotations = readRotations(operation, rotary, given, inputs);
    const collections = collectionsOf(layer, queryLength);
    const dropoutP = layer.training ? layer.dropout : 0;
    const layout = isBatchFirst ? "BLHD" : "LBHD";
    const seed = dropoutP > 0 ? (given.seed ?? drawSeed(operation)) : undefined;

    return scope(() => {
      // All that leads to it is freed before the output projection needs memory.
      const { attended, weights, collected } = scope(() => {
        const { query: toQuery, key: toKey, value: toValue } = layer.#projections;
        const widened = widener();
        const project = (projection: PackedLinear, input: NamedInput, length: number, heads: number): Tensor =>
          projection
            .apply(operation, widened(input.value))
            .reshape(isBatchFirst ? [batch, length, heads, headDim] : [length, batch, heads, headDim]);
        let q = project(toQuery, query, queryLength, numHeads);
        let k = project(toKey, key, keyLength, numKvHeads);
        let v = project(toValue, value, keyLength, numKvHeads);
        if (rotations !== undefined) {
          q = rotaryEmbedding(q, { ...rotations.query, layout });
          k = rotaryEmbedding(k, { ...rotations.key, layout });
        }
        const extraKeys = Number(addBiasKv) + Number(addZeroAttn);
        if (extraKeys > 0) {
          const { bias_k, bias_v } = layer;
          const zeros = addZeroAttn ? [undefined] : [];
          k = appendRows(operation, k, addBiasKv ? [bias_k, ...zeros] : zeros, isBatchFirst);
          v = appendRows(operation, v, addBiasKv ? [bias_v, ...zeros] : zeros, isBatchFirst);
        }
        const options = {
          layout,
          ...attentionMasks(operation, masks, extraKeys),
          alibiSlopes: alibi,
          dropoutP,
          seed,
        } as const;
        const attention = (needWeights: WeightsSelection) =>
          scaledDotProductAttention(q, k, v, { ...options, needWeights, weightsMode: 4 });
        // A call gives one selection of the weights. All calls give the same output.
        const own = needWeights ? attention({ averageHeads: averageAttnWeights }) : undefined;
        const others = collections.map(({ selection }) => attention(selection));
        const { output: attended } = own ?? others.at(0) ?? scaledDotProductAttention(q, k, v, options);
        return { attended, weights: own?.weights, collected: others.map(({ weights }) => weights) };
      });
      const output = layer.out_proj.forward(attended.reshape([...inputs.outputShape.slice(0, -1), numHeads * headDim]));
      const result: AttentionForwardResult = { output: rounded(output, dtype) };
      const finished = (weights: Tensor): Tensor<FloatDType> =>
        rounded(isUnbatched ? weights.reshape(weights.shape.slice(1)) : weights, dtype);
      if (weights !== undefined) result.weights = finished(weights);
      collect(layer, collections, collected.map(finished));
      return result;
    });
  }
}

/** Checks the inputs' dtypes and shapes against each other. */
export function readInputs(
  operation: string,
  { embedDim, kdim, vdim, batchFirst }: Pick<Configuration, "embedDim" | "kdim" | "vdim" | "batchFirst">,
  query: NamedInput,
  key: NamedInput,
  value: NamedInput,
): Inputs {
  const q = describeFloat(operation, query.argument, query.value);
  const k = describeFloat(operation, key.argument, key.value);
  const v = describeFloat(operation, value.argument, value.value);
  const rank = q.shape.length;
  const isUnbatched = rank === 2;
  const isBatchFirst = isUnbatched || batchFirst;
  const batchedShape = (batch: number | string, length: number | string, width: number): string =>
    `shape [${(batchFirst ? [batch, length, width] : [length, batch, width]).join(", ")}]`;
  const expectedShape = (batch: number | string, length: number | string, width: number): string =>
    isUnbatched ? `shape [${length}, ${width}]` : batchedShape(batch, length, width);
  if ((rank !== 2 && rank !== 3) || q.shape[rank - 1] !== embedDim) {
    throw shapeError(operation, q.argument, `shape [L, ${embedDim}] or ${batchedShape("B", "L", embedDim)}`, q.shape);
  }
  const batchOf = ({ shape }: Operand): number => (isUnbatched ? 1 : shape[isBatchFirst ? 0 : 1]);
  const lengthOf = ({ shape }: Operand): number => shape[isBatchFirst && !isUnbatched ? 1 : 0];
  const batch = batchOf(q);
  const keyLength = lengthOf(k);
  const isSequence = (operand: Operand, width: number): boolean =>
    operand.shape.length === rank && operand.shape[rank - 1] === width && batchOf(operand) === batch;
  if (!isSequence(k, kdim)) throw shapeError(operation, k.argument, expectedShape(batch, "S", kdim), k.shape);
  if (!isSequence(v, vdim) || lengthOf(v) !== keyLength) {
    throw shapeError(operation, v.argument, expectedShape(batch, keyLength, vdim), v.shape);
  }
  const queryLength = lengthOf(q);
  return { batch, queryLength, keyLength, isUnbatched, isBatchFirst, outputShape: q.shape, dtype: q.dtype };
}
/** A function that gives float32 tensors for inputs, one for all that are the same. They belong to the scope. */
function widener(): (value: TensorLike) => Tensor {
  const known = new Map<TensorLike, Tensor>();
  return (value) => {
    const tensor = known.get(value) ?? rounded(isTensor(value) ? value : Tensor.from(value), "float32");
    known.set(value, tensor);
    return tensor;
  };
}

/** How queries and keys are turned. Throws a TypeError for positions without `rotary`. */
function readRotations(
  operation: string,
  rotary: Configuration["rotary"],
  { positionIds, keyPositionIds = positionIds }: AttentionForwardOptions,
  { batch, queryLength, keyLength }: Inputs,
): Readonly<Record<"query" | "key", RotaryEmbeddingOptions>> | undefined {
  if (rotary === undefined) {
    for (const [argument, value] of Object.entries({ positionIds, keyPositionIds })) {
      if (value !== undefined) throw misuseError(operation, argument, "needs a module with rotary");
    }
    return undefined;
  }
  const read = (argument: string, value: typeof positionIds, L: number): Positions =>
    readPositions(operation, argument, value, { B: batch, L }, POSITIONS);
  const query = read("positionIds", positionIds, queryLength);
  const key = read("keyPositionIds", keyPositionIds, keyLength);
  // The same frequencies for both: dynamic ones depend on the length.
  const ropeScaling =
    rotary.ropeScaling?.ropeType === "dynamic"
      ? { sequenceLength: Math.max(1, query.length, key.length), ...rotary.ropeScaling }
      : rotary.ropeScaling;
  const options = { ...rotary, ropeScaling };
  return { query: { ...options, positionIds }, key: { ...options, positionIds: keyPositionIds } };
}

/** A tensor in a dtype: itself when it has that. */
export const rounded = (tensor: Tensor, dtype: FloatDType): Tensor<FloatDType> =>
  tensor.dtype === dtype ? (tensor as Tensor<FloatDType>) : tensor.to(dtype);
