import { checkBoolean, checkChoice, checkInteger, checkNumber, checkOptions, checkSeed } from "../../arguments.js";
import { codedTypeError, outOfMemoryError, shapeError } from "../../errors.js";
import { float32View, int32View } from "../../runtime/memory.js";
import { dtypeCode } from "../../tensor/dtype.js";
import { pointerOf } from "../../tensor/tensor.js";
import { type Call, runCall } from "../call.js";
import { type NumbersLike, readNumbers } from "../numbers.js";
import { describe, type Operand, type TensorLike } from "../operand.js";
import { type Geometry, readDTypes, readGeometry } from "./geometry.js";
import { readMask } from "./mask.js";
import { optionNames, type ScaledDotProductAttentionOptions, type ScaledDotProductAttentionResult } from "./options.js";
import { ParameterBlock, type ParameterValues, tensorParameters } from "./parameter-block.js";
import { readWeightsRequest } from "./weights-request.js";

const OPERATION = "scaledDotProductAttention";
const UNBOUNDED = -1;
const NO_WEIGHTS = -1;
const LARGEST_INT32 = 2 ** 31 - 1;
const SCRATCH_OVERFLOW = 2 ** 32 - 1;

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
 * A row that sees no key gives 0, never NaN. docs/semantics.md says what every option and mixture of options computes.
 * Sources: Vaswani et al. 2017 (the equation), Dao et al. 2022 (FlashAttention: the order of computation), ONNX
 * Attention-23 to -25 and PyTorch's `scaled_dot_product_attention` (the options).
 *
 * Throws a TypeError for a wrong kind of argument, or for options that exclude each other or lack their partner; a
 * RangeError for a wrong value or shape, or for lack of memory.
 */
export function scaledDotProductAttention(
  query: TensorLike,
  key: TensorLike,
  value: TensorLike,
  options?: ScaledDotProductAttentionOptions,
): ScaledDotProductAttentionResult {
  const given: ScaledDotProductAttentionOptions = checkOptions(OPERATION, options, optionNames);
  const q = describe(OPERATION, "query", query);
  const k = describe(OPERATION, "key", key);
  const v = describe(OPERATION, "value", value);
  const past = readPast(given);
  const { dtype, valueDType } = readDTypes(OPERATION, q, k, v, past);
  const geometry = readGeometry(OPERATION, q, k, v, past, given);
  const keyLengths = readKeyLengths(given.keyLengths, geometry);
  const mask = given.attnMask === undefined ? undefined : readMask(OPERATION, given.attnMask, geometry, keyLengths);
  const slopes = readSlopes(given.alibiSlopes, geometry);
  const sinks = readSinks(given.sinks, geometry);
  const request = readWeightsRequest(OPERATION, given, geometry);
  const needLogSumExp =
    given.needLogSumExp !== undefined && checkBoolean(OPERATION, "needLogSumExp", given.needLogSumExp);
  const scalars = { ...readRules(given), ...readScores(given), ...readDropout(given) };

  return runCall(OPERATION, (call) => {
    const result: ScaledDotProductAttentionResult = { output: call.output(geometry.outputShape, dtype) };
    const parameters: ParameterValues = {
      ...scalars,
      ...tensorParameters("query", call.input(q), geometry.queryStrides),
      ...tensorParameters("key", call.input(k), geometry.keyStrides),
      ...tensorParameters("value", call.input(v), geometry.valueStrides),
      ...tensorParameters("output", pointerOf(result.output), geometry.outputStrides),
      dtype: dtypeCode(dtype),
      valueDtype: dtypeCode(valueDType),
      batch: geometry.batch,
      heads: geometry.heads,
      keyHeads: geometry.keyHeads,
      queryLength: geometry.queryLength,
      pastLength: geometry.pastLength,
      newLength: geometry.newLength,
      headSize: geometry.headSize,
      valueHeadSize: geometry.valueHeadSize,
      weightsMode: NO_WEIGHTS,
    };
    if (past !== undefined) {
      result.presentKey = call.output(geometry.presentKeyShape, dtype);
      result.presentValue = call.output(geometry.presentValueShape, valueDType);
      Object.assign(parameters, {
        ...tensorParameters("pastKey", call.input(past.key), geometry.pastKeyStrides),
        ...tensorParameters("pastValue", call.input(past.value), geometry.pastValueStrides),
        ...tensorParameters("presentKey", pointerOf(result.presentKey), geometry.presentKeyStrides),
        ...tensorParameters("presentValue", pointerOf(result.presentValue), geometry.presentValueStrides),
      });
    }
    if (mask !== undefined) {
      Object.assign(parameters, {
        mask: call.input(mask.operand),
        maskDtype: mask.dtypeCode,
        maskLength: mask.length,
        maskBatchStride: mask.batchStride,
        maskHeadStride: mask.headStride,
        maskRowStride: mask.rowStride,
        maskKeyStride: mask.keyStride,
        maskKeys: mask.keys,
      } satisfies ParameterValues);
    }
    if (keyLengths !== undefined) parameters.keyLengths = writeIntegers(call, keyLengths);
    if (slopes !== undefined) {
      parameters.alibiSlopes = writeFloats(call, slopes.values);
      parameters.alibiBatchStride = slopes.batchStride;
    }
    if (sinks !== undefined) parameters.sinks = writeFloats(call, sinks);
    if (needLogSumExp) {
      result.logSumExp = call.output([...geometry.leadingShape, geometry.queryLength], "float32");
      parameters.logSumExp = pointerOf(result.logSumExp);
    }
    if (request !== undefined) {
      result.weights = call.output(request.shape, dtype);
      Object.assign(parameters, {
        weights: pointerOf(result.weights),
        weightsMode: request.mode,
        weightsHeads: writeIntegers(call, request.heads),
        weightsHeadCount: request.heads.length,
        weightsRows: writeIntegers(call, request.rows),
        weightsRowCount: request.rows.length,
        averageHeads: Number(request.averageHeads),
      } satisfies ParameterValues);
    }

    const block = new ParameterBlock(call);
    block.set(parameters);
    const scratchBytes = call.kernelStatus((kernels) => kernels.attention_scratch_bytes(block.pointer));
    if (scratchBytes === SCRATCH_OVERFLOW) {
      throw outOfMemoryError(`${OPERATION}: the working memory for these sizes exceeds 4 GiB`);
    }
    block.set({ scratch: call.temporary(scratchBytes) });
    call.kernel((kernels) => kernels.attention_forward(block.pointer));
    return result;
  });
}

function readPast(options: ScaledDotProductAttentionOptions): { key: Operand; value: Operand } | undefined {
  const { pastKey, pastValue, keyLengths } = options;
  if (pastKey === undefined && pastValue === undefined) return undefined;
  if (pastKey === undefined || pastValue === undefined) {
    const [present, missing] = pastKey === undefined ? ["pastValue", "pastKey"] : ["pastKey", "pastValue"];
    throw codedTypeError("ERR_INVALID_TYPE", `${OPERATION}: ${present}: needs ${missing} beside it`);
  }
  if (keyLengths !== undefined) {
    throw codedTypeError("ERR_INVALID_TYPE", `${OPERATION}: keyLengths: excluded by pastKey and pastValue`);
  }
  return { key: describe(OPERATION, "pastKey", pastKey), value: describe(OPERATION, "pastValue", pastValue) };
}

function readKeyLengths(value: NumbersLike | undefined, geometry: Geometry): readonly number[] | undefined {
  if (value === undefined) return undefined;
  const { shape, values } = readNumbers(OPERATION, "keyLengths", value);
  if (shape.length !== 1 || shape[0] !== geometry.batch) {
    throw shapeError(OPERATION, "keyLengths", `shape [${geometry.batch}], one length a batch`, shape);
  }
  return values.map((length, b) => checkInteger(OPERATION, `keyLengths[${b}]`, length, 0, geometry.newLength));
}

function readSlopes(
  value: NumbersLike | undefined,
  { batch, heads }: Geometry,
): { values: readonly number[]; batchStride: number } | undefined {
  if (value === undefined) return undefined;
  const { shape, values } = readNumbers(OPERATION, "alibiSlopes", value);
  const isShared = shape.length === 1 && shape[0] === heads;
  if (!isShared && !(shape.length === 2 && shape[0] === batch && shape[1] === heads)) {
    throw shapeError(OPERATION, "alibiSlopes", `shape [${heads}] or [${batch}, ${heads}]`, shape);
  }
  values.forEach((slope, index) => checkNumber(OPERATION, `alibiSlopes[${index}]`, slope));
  return { values, batchStride: isShared ? 0 : heads };
}

function readSinks(value: NumbersLike | undefined, { heads }: Geometry): readonly number[] | undefined {
  if (value === undefined) return undefined;
  const { shape, values } = readNumbers(OPERATION, "sinks", value);
  if (shape.length !== 1 || shape[0] !== heads) {
    throw shapeError(OPERATION, "sinks", `shape [${heads}], one sink a head`, shape);
  }
  return values;
}

function readRules(options: ScaledDotProductAttentionOptions): ParameterValues {
  const { isCausal, causalAlignment, leftWindowSize, rightWindowSize } = options;
  const alignments = ["upper-left", "lower-right"] as const;
  const windowSize = (argument: string, value: number | undefined): number =>
    value === undefined ? UNBOUNDED : Math.min(checkInteger(OPERATION, argument, value, UNBOUNDED), LARGEST_INT32);
  return {
    isCausal: Number(isCausal !== undefined && checkBoolean(OPERATION, "isCausal", isCausal)),
    causalAlignment:
      causalAlignment === undefined
        ? 0
        : alignments.indexOf(checkChoice(OPERATION, "causalAlignment", causalAlignment, alignments)),
    leftWindowSize: windowSize("leftWindowSize", leftWindowSize),
    rightWindowSize: windowSize("rightWindowSize", rightWindowSize),
  };
}

function readScores({ scale, softcap }: ScaledDotProductAttentionOptions): ParameterValues {
  return {
    hasScale: Number(scale !== undefined),
    scale: scale === undefined ? 0 : checkNumber(OPERATION, "scale", scale),
    softcap: softcap === undefined ? 0 : checkNumber(OPERATION, "softcap", softcap, 0),
  };
}

function readDropout({ dropoutP, seed }: ScaledDotProductAttentionOptions): ParameterValues {
  const words = seed === undefined ? undefined : checkSeed(OPERATION, "seed", seed);
  const probability = dropoutP === undefined ? 0 : checkNumber(OPERATION, "dropoutP", dropoutP, 0, 1);
  if (probability === 0) return {};
  if (words === undefined) {
    throw codedTypeError(
      "ERR_INVALID_TYPE",
      `${OPERATION}: dropoutP: needs seed beside it, got dropoutP ${probability}`,
    );
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

function writeIntegers(call: Call, values: readonly number[]): number {
  const pointer = call.temporary(values.length * 4);
  int32View(pointer, values.length).set(values);
  return pointer;
}

function writeFloats(call: Call, values: readonly number[]): number {
  const pointer = call.temporary(values.length * 4);
  float32View(pointer, values.length).set(values);
  return pointer;
}
