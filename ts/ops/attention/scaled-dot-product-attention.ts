import {
  checkBoolean,
  checkChoice,
  checkInteger,
  checkNumber,
  checkOptions,
  checkPair,
  checkSeed,
} from "../../arguments.js";
import { misuseError, outOfMemoryError } from "../../errors.js";
import { float32View, int32View } from "../../runtime/memory.js";
import { requireShape, type Shape } from "../../tensor/shape.js";
import { pointerOf } from "../../tensor/tensor.js";
import { runCall } from "../call.js";
import { describeFloat } from "../float-operand.js";
import { LARGEST_SIZE } from "../head-axes.js";
import { type Numbers, type NumbersLike, readNumbers } from "../numbers.js";
import type { TensorLike } from "../operand.js";
import type { OptionsGiven } from "../options-given.js";
import { type Geometry, type Past, readDTypes, readGeometry } from "./geometry.js";
import { readMask } from "./mask.js";
import { optionNames, type ScaledDotProductAttentionOptions, type ScaledDotProductAttentionResult } from "./options.js";
import { ABSENT, attentionArguments, causalAlignments, dtypes, OVERFLOW } from "../../wasm/interface.js";
import { ArgumentBlock } from "../argument-block.js";
import { type AttentionArguments, tensorArguments } from "./arguments.js";
import { readWeightsRequest } from "./weights-request.js";

const OPERATION = "scaledDotProductAttention";

/**
 * Scaled dot-product attention: output = softmax(scale · query · keyᵀ + masks) · value, computed block by block, so that
 * memory grows with L, not with L · S.
 *
 * Letters: B batch, H query heads, Hkv key heads (H a multiple of it), L queries, S keys, P past keys, T = P + S, D and
 * Dv head sizes.
 *
 * @param query `[B, H, L, D]`; or `[B, L, H, D]` with `layout: "BLHD"`; or `[B, L, H·D]` with `numHeads`; or `[B, L, D]`
 *   or `[L, D]`, which are one head. float32, float16 or bfloat16.
 * @param key `[B, Hkv, S, D]` in the same arrangement and dtype.
 * @param value `[B, Hkv, S, Dv]` in the same arrangement, of any float dtype.
 *
 * A row that sees no key gives 0, never NaN. A row's bits are its own: the same alone, in a chunk, with or without other heads and
 * batches, its keys past or new. docs/semantics.md says what every option and mixture of options computes.
 * Sources: Vaswani et al. 2017 (the equation), Dao et al. 2022 (FlashAttention: the order of computation), ONNX
 * Attention-23 to -25 and PyTorch's `scaled_dot_product_attention` (the options).
 *
 * Throws a TypeError for a wrong kind of argument, or for options that exclude each other or lack their partner; a
 * RangeError for a wrong value or shape, or for lack of memory.
 */
export function scaledDotProductAttention<Given extends ScaledDotProductAttentionOptions = object>(
  query: TensorLike,
  key: TensorLike,
  value: TensorLike,
  options?: OptionsGiven<Given, ScaledDotProductAttentionOptions>,
): ScaledDotProductAttentionResult<Given>;
export function scaledDotProductAttention(
  query: TensorLike,
  key: TensorLike,
  value: TensorLike,
  options?: ScaledDotProductAttentionOptions,
): ScaledDotProductAttentionResult {
  const given: ScaledDotProductAttentionOptions = checkOptions(OPERATION, options, optionNames);
  const q = describeFloat(OPERATION, "query", query);
  const k = describeFloat(OPERATION, "key", key);
  const v = describeFloat(OPERATION, "value", value);
  const past = readPast(given);
  const { dtype, valueDType } = readDTypes(OPERATION, q, k, v, past);
  const geometry = readGeometry(OPERATION, q, k, v, past, given);
  const { batch, heads, queryLength } = geometry.sizes;
  const keyLengths = readKeyLengths(given.keyLengths, geometry);
  const mask = given.attnMask === undefined ? undefined : readMask(OPERATION, given.attnMask, geometry, keyLengths);
  const slopes = readValues("alibiSlopes", given.alibiSlopes, [[heads], [batch, heads]]);
  slopes?.values.forEach((slope, index) => checkNumber(OPERATION, `alibiSlopes[${index}]`, slope));
  const sinks = readValues("sinks", given.sinks, [[heads]], ", one sink a head");
  const request = readWeightsRequest(OPERATION, given, geometry);
  const { needLogSumExp = false } = given;
  checkBoolean(OPERATION, "needLogSumExp", needLogSumExp);
  const scalars = { ...readRules(given), ...readScores(given), ...readDropout(given) };

  return runCall(OPERATION, (call) => {
    const result: ScaledDotProductAttentionResult = { output: call.output(geometry.output.shape, dtype) };
    const values: AttentionArguments = {
      ...scalars,
      ...geometry.sizes,
      ...tensorArguments("query", call.input(q), geometry.query),
      ...tensorArguments("key", call.input(k), geometry.key),
      ...tensorArguments("value", call.input(v), geometry.value),
      ...tensorArguments("output", pointerOf(result.output), geometry.output),
      dtype: dtypes[dtype],
      valueDtype: dtypes[valueDType],
      weightsMode: ABSENT,
    };
    if (past !== undefined) {
      result.presentKey = call.output(geometry.presentKey.shape, dtype);
      result.presentValue = call.output(geometry.presentValue.shape, valueDType);
      Object.assign(values, {
        ...tensorArguments("pastKey", call.input(past.key), geometry.pastKey),
        ...tensorArguments("pastValue", call.input(past.value), geometry.pastValue),
        ...tensorArguments("presentKey", pointerOf(result.presentKey), geometry.presentKey),
        ...tensorArguments("presentValue", pointerOf(result.presentValue), geometry.presentValue),
      });
    }
    if (mask !== undefined) Object.assign(values, { mask: call.input(mask.operand), ...mask.arguments });
    if (keyLengths !== undefined) values.keyLengths = call.words(int32View, keyLengths);
    if (slopes !== undefined) {
      values.alibiSlopes = call.words(float32View, slopes.values);
      values.alibiBatchStride = slopes.shape.length === 1 ? 0 : heads;
    }
    if (sinks !== undefined) values.sinks = call.words(float32View, sinks.values);
    if (needLogSumExp) {
      result.logSumExp = call.output([...geometry.leadingShape, queryLength], "float32");
      values.logSumExp = pointerOf(result.logSumExp);
    }
    if (request !== undefined) {
      result.weights = call.output(request.shape, dtype);
      Object.assign(values, {
        weights: pointerOf(result.weights),
        weightsMode: request.mode,
        weightsHeads: call.words(int32View, request.heads),
        weightsHeadCount: request.heads.length,
        weightsRows: call.words(int32View, request.rows),
        weightsRowCount: request.rows.length,
        averageHeads: Number(request.averageHeads),
      } satisfies AttentionArguments);
    }

    const block = new ArgumentBlock(call, attentionArguments, values);
    const scratchBytes = call.kernelStatus((kernels) => kernels.attention_scratch_bytes(block.pointer));
    if (scratchBytes === OVERFLOW) {
      throw outOfMemoryError(`${OPERATION}: the working memory for these sizes exceeds 4 GiB`);
    }
    block.set({ scratch: call.temporary(scratchBytes) });
    call.kernel((kernels) => kernels.attention_forward(block.pointer));
    return result;
  });
}

function readPast({ pastKey, pastValue, keyLengths }: ScaledDotProductAttentionOptions): Past | undefined {
  checkPair(OPERATION, "pastKey", pastKey, "pastValue", pastValue);
  if (pastKey === undefined || pastValue === undefined) return undefined;
  if (keyLengths !== undefined) throw misuseError(OPERATION, "keyLengths", "excluded by pastKey and pastValue");
  return {
    key: describeFloat(OPERATION, "pastKey", pastKey),
    value: describeFloat(OPERATION, "pastValue", pastValue),
  };
}

/** Numbers of one of some shapes. */
function readValues(
  argument: string,
  value: NumbersLike | undefined,
  shapes: readonly Shape[],
  note?: string,
): Numbers | undefined {
  if (value === undefined) return undefined;
  const numbers = readNumbers(OPERATION, argument, value);
  requireShape(OPERATION, { argument, shape: numbers.shape }, shapes, note);
  return numbers;
}

function readKeyLengths(
  value: NumbersLike | undefined,
  { sizes: { batch, newLength } }: Geometry,
): readonly number[] | undefined {
  const lengths = readValues("keyLengths", value, [[batch]], ", one length a batch");
  return lengths?.values.map((length, b) => checkInteger(OPERATION, `keyLengths[${b}]`, length, 0, newLength));
}

function readRules({
  isCausal = false,
  causalAlignment = "upper-left",
  leftWindowSize = ABSENT,
  rightWindowSize = ABSENT,
}: ScaledDotProductAttentionOptions): AttentionArguments {
  const windowSize = (argument: string, value: number): number =>
    Math.min(checkInteger(OPERATION, argument, value, ABSENT), LARGEST_SIZE);
  return {
    isCausal: Number(checkBoolean(OPERATION, "isCausal", isCausal)),
    causalAlignment:
      causalAlignments[checkChoice(OPERATION, "causalAlignment", causalAlignment, ["upper-left", "lower-right"])],
    leftWindowSize: windowSize("leftWindowSize", leftWindowSize),
    rightWindowSize: windowSize("rightWindowSize", rightWindowSize),
  };
}

function readScores({ scale, softcap = 0 }: ScaledDotProductAttentionOptions): AttentionArguments {
  return {
    hasScale: Number(scale !== undefined),
    scale: scale === undefined ? 0 : checkNumber(OPERATION, "scale", scale),
    softcap: checkNumber(OPERATION, "softcap", softcap, 0),
  };
}

function readDropout({ dropoutP = 0, seed }: ScaledDotProductAttentionOptions): AttentionArguments {
  const words = seed === undefined ? undefined : checkSeed(OPERATION, "seed", seed);
  const probability = checkNumber(OPERATION, "dropoutP", dropoutP, 0, 1);
  if (probability === 0) return {};
  if (words === undefined) {
    throw misuseError(OPERATION, "dropoutP", `needs seed beside it, got dropoutP ${probability}`);
  }
  return {
    hasDropout: 1,
    // For a probability of 1 the scale of 0 drops what the threshold can't.
    dropoutThreshold: Math.min(Math.floor(probability * 2 ** 32), 2 ** 32 - 1),
    dropoutScale: probability === 1 ? 0 : 1 / (1 - probability),
    seedLow: words.low,
    seedHigh: words.high,
  };
}
