import { checkBoolean, checkChoice, checkInteger, checkNumber, checkOptions } from "../arguments.js";
import { rangeError, typeError } from "../errors.js";
import { ropeTypes } from "../wasm/interface.js";
import type { Call } from "./call.js";
import { LARGEST_SIZE } from "./head-axes.js";

const DEFAULT_BASE = 10_000;
const BYTES_PER_FLOAT64 = 8;

/** Position interpolation (Chen et al. 2023): frequencies are divided by `factor`. */
export interface LinearRopeScaling {
  ropeType: "linear";
  /** How many times longer sequences get. At least 1. */
  factor: number;
}

/**
 * Dynamic NTK-aware scaling (bloc97 and emozilla 2023; Peng et al. 2023, 3.3): for a sequence of length n above
 * `maxPositionEmbeddings`, m, the base is multiplied by (1 + factor · (n / m − 1))^(R / (R − 2)).
 */
export interface DynamicRopeScaling {
  ropeType: "dynamic";
  /** How many times longer sequences get. At least 1. */
  factor: number;
  /** The length up to which nothing is scaled: that of the sequences of the training. */
  maxPositionEmbeddings: number;
  /**
   * n. Queries and keys need the same one, also where they are turned in calls of their own. Default: the largest position
   * of the call and 1; in a module, the longer of queries and keys.
   */
  sequenceLength?: number;
}

/**
 * YaRN (Peng et al. 2023, "YaRN: Efficient Context Window Extension of Large Language Models"): frequencies of at least
 * `betaFast` turns in a sequence of the training stay, those of at most `betaSlow` are divided by `factor`, with a straight
 * line over the pairs between. Cosines and sines are multiplied by an attention factor.
 */
export interface YarnRopeScaling {
  ropeType: "yarn";
  /** How many times longer sequences get. At least 1. */
  factor: number;
  /** The length of the sequences of the training. */
  originalMaxPositionEmbeddings: number;
  /** Above 0. Default: (0.1 · mscale · ln factor + 1) / (0.1 · mscaleAllDim · ln factor + 1). */
  attentionFactor?: number;
  /** At least `betaSlow`. Default: 32. */
  betaFast?: number;
  /** Above 0. Default: 1. */
  betaSlow?: number;
  /** At least 0. Counts only where `mscaleAllDim` is given too and neither is 0. Default: 1. */
  mscale?: number;
  /** At least 0. Counts only where `mscale` is given too and neither is 0. Default: 0. */
  mscaleAllDim?: number;
  /** Whether the line begins and ends at whole pairs. Default: true. */
  truncate?: boolean;
}

/**
 * Llama 3.1 (Grattafiori et al. 2024): frequencies of more than `highFreqFactor` turns in a sequence of the training stay,
 * those of fewer than `lowFreqFactor` are divided by `factor`, with a straight line over the turns between.
 */
export interface Llama3RopeScaling {
  ropeType: "llama3";
  /** How many times longer sequences get. At least 1. */
  factor: number;
  /** Above 0. */
  lowFreqFactor: number;
  /** Above `lowFreqFactor`. */
  highFreqFactor: number;
  /** The length of the sequences of the training. */
  originalMaxPositionEmbeddings: number;
}

/** How frequencies are scaled for long sequences: `rope_scaling` of a model's configuration in transformers, in camelCase. */
export type RopeScaling = LinearRopeScaling | DynamicRopeScaling | YarnRopeScaling | Llama3RopeScaling;

/** Options that say by which angle a position turns each pair. */
export interface RotaryFrequencyOptions {
  /** Pair i at position p is turned by p · base^(−2i/R), unless scaled. At least 1, with YaRN more. Default: 10000. */
  base?: number;
  /** Scaled frequencies, with the names, formulas and defaults of transformers. Default: none. */
  ropeScaling?: RopeScaling;
}

/** Frequencies that have been checked, as the kernels take them. */
export interface RotaryFrequencies {
  readonly base: number;
  /** The number of the kernel's `RopeScaling`, and its fields. */
  readonly kind: number;
  readonly fields: readonly number[];
  readonly sequenceLength?: number;
  /** By what cosines and sines are multiplied, or what it is computed from. */
  readonly attention: number | readonly [factor: number, mscale: number, mscaleAllDim: number];
}

const optionNames = {
  linear: ["ropeType", "factor"],
  dynamic: ["ropeType", "factor", "maxPositionEmbeddings", "sequenceLength"],
  yarn: [
    "ropeType",
    "factor",
    "originalMaxPositionEmbeddings",
    "attentionFactor",
    "betaFast",
    "betaSlow",
    "mscale",
    "mscaleAllDim",
    "truncate",
  ],
  llama3: ["ropeType", "factor", "lowFreqFactor", "highFreqFactor", "originalMaxPositionEmbeddings"],
} as const;

const choices = Object.keys(optionNames) as (keyof typeof optionNames)[];

/**
 * Checks what decides the frequencies; `prefix` comes before the options' names in errors. Throws a TypeError for wrong
 * kinds and for options that a kind of scaling doesn't have, a RangeError for wrong values.
 */
export function readRotaryFrequencies(
  operation: string,
  prefix: string,
  { base = DEFAULT_BASE, ropeScaling }: RotaryFrequencyOptions,
): RotaryFrequencies {
  checkNumber(operation, `${prefix}base`, base, 1);
  if (ropeScaling === undefined) return { base, kind: ropeTypes.default, fields: [], attention: 1 };

  const scaling = `${prefix}ropeScaling`;
  if (typeof ropeScaling !== "object" || ropeScaling === null) {
    throw typeError(operation, scaling, "an object with a ropeType", ropeScaling);
  }
  const ropeType = checkChoice(operation, `${scaling}.ropeType`, ropeScaling.ropeType, choices);
  checkOptions<Record<string, unknown>>(`${operation}: ${scaling}`, { ...ropeScaling }, optionNames[ropeType]);
  const checkNumbers = (minimum: number, numbers: Record<string, number>): void => {
    for (const [name, value] of Object.entries(numbers)) checkNumber(operation, `${scaling}.${name}`, value, minimum);
  };
  const checkPositive = (numbers: Record<string, number>): void => {
    checkNumbers(0, numbers);
    for (const [name, value] of Object.entries(numbers)) {
      if (Math.fround(value) === 0)
        throw rangeError(operation, `${scaling}.${name}`, "a float32 number above 0", value);
    }
  };
  const checkLength = (name: string, value: number): number =>
    checkInteger(operation, `${scaling}.${name}`, value, 1, LARGEST_SIZE);

  const { factor } = ropeScaling;
  checkNumbers(1, { factor });
  switch (ropeScaling.ropeType) {
    case "linear":
      return { base, kind: ropeTypes.linear, fields: [factor], attention: 1 };
    case "dynamic": {
      const { maxPositionEmbeddings, sequenceLength } = ropeScaling;
      checkLength("maxPositionEmbeddings", maxPositionEmbeddings);
      if (sequenceLength !== undefined) checkLength("sequenceLength", sequenceLength);
      return { base, kind: ropeTypes.dynamic, fields: [factor, maxPositionEmbeddings], sequenceLength, attention: 1 };
    }
    case "yarn": {
      if (base === 1) throw rangeError(operation, `${prefix}base`, "a number above 1 for YaRN", base);
      const { originalMaxPositionEmbeddings, attentionFactor, betaFast = 32, betaSlow = 1 } = ropeScaling;
      const { mscale = 1, mscaleAllDim = 0, truncate = true } = ropeScaling;
      checkLength("originalMaxPositionEmbeddings", originalMaxPositionEmbeddings);
      checkPositive({ betaSlow });
      checkNumbers(betaSlow, { betaFast });
      checkNumbers(0, { mscale, mscaleAllDim });
      checkBoolean(operation, `${scaling}.truncate`, truncate);
      if (attentionFactor !== undefined) checkPositive({ attentionFactor });
      // As transformers has it: one of the two alone counts for nothing.
      const isScaled = ropeScaling.mscale !== undefined && mscale > 0 && mscaleAllDim > 0;
      return {
        base,
        kind: ropeTypes.yarn,
        fields: [factor, originalMaxPositionEmbeddings, betaFast, betaSlow, Number(truncate)],
        attention: attentionFactor ?? (isScaled ? [factor, mscale, mscaleAllDim] : [factor, 1, 0]),
      };
    }
    case "llama3": {
      const { originalMaxPositionEmbeddings, lowFreqFactor, highFreqFactor } = ropeScaling;
      checkLength("originalMaxPositionEmbeddings", originalMaxPositionEmbeddings);
      checkPositive({ lowFreqFactor, highFreqFactor });
      if (highFreqFactor <= lowFreqFactor) {
        const above = `a number above lowFreqFactor, ${lowFreqFactor}`;
        throw rangeError(operation, `${scaling}.highFreqFactor`, above, highFreqFactor);
      }
      return {
        base,
        kind: ropeTypes.llama3,
        fields: [factor, originalMaxPositionEmbeddings, lowFreqFactor, highFreqFactor],
        attention: 1,
      };
    }
  }
}

/** A pointer to float64 frequencies of so many pairs, for a sequence of `length` positions, and the attention factor. */
export function writeRotaryFrequencies(
  call: Call,
  frequencies: RotaryFrequencies,
  pairs: number,
  length: number,
): [pointer: number, attentionFactor: number] {
  const { base, kind, fields, sequenceLength = length, attention } = frequencies;
  const [first = 0, second = 0, third = 0, fourth = 0, fifth = 0] = fields;
  const pointer = call.temporary(pairs * BYTES_PER_FLOAT64);
  call.kernel((kernels) =>
    kernels.rotary_frequencies(pointer, pairs, base, sequenceLength, kind, first, second, third, fourth, fifth),
  );
  if (typeof attention === "number") return [pointer, attention];
  return [pointer, call.kernel((kernels) => kernels.rotary_attention_factor(...attention))];
}
