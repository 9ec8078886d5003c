import { checkBoolean, checkChoice, checkInteger, checkNumber, checkSeed } from "../../arguments.js";
import { misuseError } from "../../errors.js";
import { ABSENT, causalAlignments } from "../../wasm/interface.js";
import { thresholdAndScale } from "../dropout.js";
import { LARGEST_SIZE } from "../head-axes.js";
import type { AttentionArguments } from "./arguments.js";
import type { ScaledDotProductAttentionOptions } from "./options.js";

/** The rules of an attention call that are single numbers, checked, as the kernels take them. Throws TypeError and RangeError. */
export const readScalars = (operation: string, options: ScaledDotProductAttentionOptions): AttentionArguments => ({
  ...readRules(operation, options),
  ...readScores(operation, options),
  ...readDropout(operation, options),
});

function readRules(
  operation: string,
  {
    isCausal = false,
    causalAlignment = "upper-left",
    leftWindowSize = ABSENT,
    rightWindowSize = ABSENT,
  }: ScaledDotProductAttentionOptions,
): AttentionArguments {
  const windowSize = (argument: string, value: number): number =>
    Math.min(checkInteger(operation, argument, value, ABSENT), LARGEST_SIZE);
  return {
    isCausal: Number(checkBoolean(operation, "isCausal", isCausal)),
    causalAlignment:
      causalAlignments[checkChoice(operation, "causalAlignment", causalAlignment, ["upper-left", "lower-right"])],
    leftWindowSize: windowSize("leftWindowSize", leftWindowSize),
    rightWindowSize: windowSize("rightWindowSize", rightWindowSize),
  };
}

function readScores(operation: string, { scale, softcap = 0 }: ScaledDotProductAttentionOptions): AttentionArguments {
  return {
    hasScale: Number(scale !== undefined),
    scale: scale === undefined ? 0 : checkNumber(operation, "scale", scale),
    softcap: checkNumber(operation, "softcap", softcap, 0),
  };
}

function readDropout(operation: string, { dropoutP = 0, seed }: ScaledDotProductAttentionOptions): AttentionArguments {
  const words = seed === undefined ? undefined : checkSeed(operation, "seed", seed);
  const probability = checkNumber(operation, "dropoutP", dropoutP, 0, 1);
  if (probability === 0) return {};
  if (words === undefined) {
    throw misuseError(operation, "dropoutP", `needs seed beside it, got dropoutP ${probability}`);
  }
  const [dropoutThreshold, dropoutScale] = thresholdAndScale(probability);
  return { hasDropout: 1, dropoutThreshold, dropoutScale, seedLow: words.low, seedHigh: words.high };
}
