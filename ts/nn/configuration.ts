import { checkBoolean, checkInteger, checkNumber, checkOptions } from "../arguments.js";
import { misuseError, rangeError, typeError } from "../errors.js";
import { LARGEST_SIZE } from "../ops/head-axes.js";
import type { NumbersLike } from "../ops/numbers.js";
import { readRotaryFrequencies, type RotaryFrequencyOptions } from "../ops/rotary-frequencies.js";
import { readSlopes } from "./alibi.js";

/** How rotary position embeddings turn queries and keys. */
export interface RotaryOptions extends RotaryFrequencyOptions {
  /** Pair 2i with 2i + 1 (GPT-J, the paper) instead of i with i + R/2 (GPT-NeoX, Llama). Default: false. */
  interleaved?: boolean;
  /** R, how many elements of a head are turned, an even number; the others stay. 0 (default): the whole head. */
  rotaryDim?: number;
}

/** Options of `SelfAttention`. */
export interface SelfAttentionOptions {
  /** Probability of dropping an attention weight in training mode. Default: 0. */
  dropout?: number;
  /** Biases of the projections. Default: true. */
  bias?: boolean;
  /** Append one learned key and value, `bias_k` and `bias_v`, to every sequence. Default: false. */
  addBiasKv?: boolean;
  /** Append one key and value of zeros to every sequence. Default: false. */
  addZeroAttn?: boolean;
  /** Width D of a head; the heads together are as wide as H · D, whatever embedDim is. Default: embedDim / numHeads. */
  headDim?: number;
  /** Heads of keys and values, each shared by numHeads / numKvHeads query heads. Default: numHeads. */
  numKvHeads?: number;
  /** Rotary position embeddings of projected queries and keys, by position in the sequence; true: with defaults. */
  rotary?: boolean | RotaryOptions;
  /**
   * ALiBi: subtract slope · |i − j| from the score of query i and key j, both by their place in the call. true: the slopes of the
   * paper (Press, Smith and Lewis 2022); or `[numHeads]` slopes, which are constants. Not with extra keys. Default: false.
   */
  alibi?: boolean | NumbersLike;
}

/** Options of `MultiheadAttention`. */
export interface MultiheadAttentionOptions extends SelfAttentionOptions {
  /** Width of keys. Default: embedDim. */
  kdim?: number;
  /** Width of values. Default: embedDim. */
  vdim?: number;
  /** Whether the batch comes first, as in `[B, L, E]`; else second, as in `[L, B, E]`. Default: false, as in PyTorch. */
  batchFirst?: boolean;
}

/** The options of a module, checked and complete. */
export interface Configuration {
  readonly embedDim: number;
  readonly numHeads: number;
  readonly numKvHeads: number;
  readonly headDim: number;
  readonly kdim: number;
  readonly vdim: number;
  readonly dropout: number;
  readonly bias: boolean;
  readonly addBiasKv: boolean;
  readonly addZeroAttn: boolean;
  readonly batchFirst: boolean;
  readonly rotary: Readonly<RotaryOptions> | undefined;
  readonly alibi: readonly number[] | undefined;
}

export const selfAttentionOptionNames = [
  "dropout",
  "bias",
  "addBiasKv",
  "addZeroAttn",
  "headDim",
  "numKvHeads",
  "rotary",
  "alibi",
] as const;

export const multiheadAttentionOptionNames = [...selfAttentionOptionNames, "kdim", "vdim", "batchFirst"] as const;

function readRotary(operation: string, rotary: unknown, headDim: number): Configuration["rotary"] {
  if (rotary === undefined || rotary === false) return undefined;
  if (rotary !== true && (typeof rotary !== "object" || rotary === null)) {
    throw typeError(operation, "rotary", "a boolean or { base, ropeScaling, interleaved, rotaryDim }", rotary);
  }
  const given = checkOptions<RotaryOptions>(`${operation}: rotary`, rotary === true ? undefined : rotary, [
    "base",
    "ropeScaling",
    "interleaved",
    "rotaryDim",
  ]);
  const { ropeScaling, interleaved = false, rotaryDim = 0 } = given;
  const { base } = readRotaryFrequencies(operation, "rotary.", given);
  checkBoolean(operation, "rotary.interleaved", interleaved);
  checkInteger(operation, "rotary.rotaryDim", rotaryDim, 0, headDim);
  if ((rotaryDim || headDim) % 2 !== 0) {
    const whole = `an even number, or 0 for a head size that is even (this one is ${headDim})`;
    throw rangeError(operation, "rotary.rotaryDim", whole, rotaryDim);
  }
  // Frozen copies, so that what has been checked stays as it is.
  return Object.freeze({ base, ropeScaling: ropeScaling && Object.freeze({ ...ropeScaling }), interleaved, rotaryDim });
}

/** Checks what a module is constructed with. Throws TypeError and RangeError. */
export function readConfiguration(
  operation: string,
  embedDim: number,
  numHeads: number,
  options: MultiheadAttentionOptions | undefined,
  allowed: readonly (keyof MultiheadAttentionOptions | "prefix")[],
): Configuration {
  const given = checkOptions<MultiheadAttentionOptions & { prefix?: string }>(operation, options, allowed);
  checkInteger(operation, "embedDim", embedDim, 1, LARGEST_SIZE);
  checkInteger(operation, "numHeads", numHeads, 1, LARGEST_SIZE);
  if (given.headDim === undefined && embedDim % numHeads !== 0) {
    throw rangeError(operation, "numHeads", `a divisor of embedDim, ${embedDim}, or headDim beside it`, numHeads);
  }
  const { headDim = embedDim / numHeads } = given;
  checkInteger(operation, "headDim", headDim, 1, LARGEST_SIZE);
  const { numKvHeads = numHeads, kdim = embedDim, vdim = embedDim, dropout = 0 } = given;
  if (numHeads % checkInteger(operation, "numKvHeads", numKvHeads, 1, numHeads) !== 0) {
    throw rangeError(operation, "numKvHeads", `a divisor of numHeads, ${numHeads}`, numKvHeads);
  }
  checkInteger(operation, "kdim", kdim, 1, LARGEST_SIZE);
  checkInteger(operation, "vdim", vdim, 1, LARGEST_SIZE);
  checkNumber(operation, "dropout", dropout, 0, 1);
  const { bias = true, addBiasKv = false, addZeroAttn = false, batchFirst = false } = given;
  for (const [argument, value] of Object.entries({ bias, addBiasKv, addZeroAttn, batchFirst })) {
    checkBoolean(operation, argument, value);
  }
  const rotary = readRotary(operation, given.rotary, headDim);
  const alibi = readSlopes(operation, given.alibi, numHeads);
  if (alibi !== undefined && (addBiasKv || addZeroAttn)) {
    throw misuseError(operation, "alibi", "excluded by addBiasKv and addZeroAttn, whose keys have no place");
  }
  const sizes = { embedDim, numHeads, numKvHeads, headDim, kdim, vdim };
  return { ...sizes, dropout, bias, addBiasKv, addZeroAttn, batchFirst, rotary, alibi };
}
