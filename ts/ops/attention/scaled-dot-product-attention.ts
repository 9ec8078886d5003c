import { checkBoolean, checkOptions } from "../../arguments.js";
import { outOfMemoryError } from "../../errors.js";
import type { FloatDType } from "../../tensor/dtype.js";
import { records } from "../../tensor/recorder.js";
import { pointerOf, type Tensor } from "../../tensor/tensor.js";
import { attentionArguments, dtypes, OVERFLOW, weightsModes } from "../../wasm/interface.js";
import { ArgumentBlock } from "../argument-block.js";
import { type Call, runCall } from "../call.js";
import type { TensorLike } from "../operand.js";
import type { OptionsGiven } from "../options-given.js";
import { type AttentionArguments, tensorArguments } from "./arguments.js";
import { optionNames, type ScaledDotProductAttentionOptions, type ScaledDotProductAttentionResult } from "./options.js";
import { type AttentionProblem, differentiableInputs, problemArguments, readProblem } from "./problem.js";
import { readWeightsRequest, weightsArguments, type WeightsRequest } from "./weights-request.js";

const OPERATION = "scaledDotProductAttention";

/** The results through which gradients may come. */
const differentiableOutputs = ["output", "presentKey", "presentValue", "logSumExp", "weights"] as const;

/** What the forward pass keeps for the backward pass besides its inputs. */
export interface KeptForBackward {
  /** In float32, whatever the dtype of the result. */
  readonly output: Tensor;
  /** `[2, B, H, L]` */
  readonly statistics: Tensor;
}

/** What the gradients of attention need to know of a call. */
export interface AttentionDetails {
  readonly problem: AttentionProblem;
  readonly request: WeightsRequest | undefined;
  readonly result: ScaledDotProductAttentionResult;
  readonly kept: KeptForBackward;
  /** The results that are differentiated, in their order. */
  readonly outputs: readonly (typeof differentiableOutputs)[number][];
}

/**
 * Scaled dot-product attention: output = softmax(scale · query · keyᵀ + masks) · value, computed block by block, so that
 * memory grows with L, not with L · S.
 *
 * Letters: B batch, H query heads, Hkv key heads (H a multiple of it), L queries, S keys, P past keys, T = P + S, D and
 * Dv head sizes.
 *
 * A row that sees no key gives 0, never NaN. A row's bits are its own: the same alone, in a chunk, with or without other heads and
 * batches, its keys past or new. docs/semantics.md says what every option and mixture of options computes.
 * Sources: Vaswani et al. 2017 (the equation), Dao et al. 2022 (FlashAttention: the order of computation), ONNX
 * Attention-23 to -25 and PyTorch's `scaled_dot_product_attention` (the options).
 *
 * @example
 * ```js
 * import { init, randn, scaledDotProductAttention } from "wasm-attention";
 *
 * await init();
 * const [query, key, value] = [1, 2, 3].map((seed) => randn([1, 8, 128, 64], { seed }));
 * const { output, weights } = scaledDotProductAttention(query, key, value, { isCausal: true, needWeights: { heads: [0] } });
 * console.log(output.shape, weights.shape); // [1, 8, 128, 64], [1, 1, 128, 128]
 * ```
 *
 * @param query `[B, H, L, D]`; or `[B, L, H, D]` with `layout: "BLHD"`; or `[B, L, H·D]` with `numHeads`; or `[B, L, D]`
 *   or `[L, D]`, which are one head. float32, float16 or bfloat16.
 * @param key `[B, Hkv, S, D]` in the same arrangement and dtype.
 * @param value `[B, Hkv, S, Dv]` in the same arrangement, of any float dtype.
 * @param options Masks, scale, past keys, and what to return besides the output.
 * @returns The output, and what the options ask for.
 * @throws {TypeError} for a wrong kind of argument, and for options that exclude each other or lack their partner.
 * @throws {RangeError} for a wrong value or shape, and for lack of memory.
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
  const problem = readProblem(OPERATION, query, key, value, given);
  const request = readWeightsRequest(OPERATION, given, problem.geometry);
  const { needLogSumExp = false } = given;
  checkBoolean(OPERATION, "needLogSumExp", needLogSumExp);

  const inputs = differentiableInputs(problem);
  const isRecorded = records(inputs);

  return runCall(OPERATION, (call) => {
    const result = createResult(call, problem, request, needLogSumExp);
    const kept = isRecorded ? createKept(call, problem, result) : undefined;
    const block = new ArgumentBlock(call, attentionArguments, {
      ...problemArguments(call, problem),
      ...resultArguments(result, problem),
      ...weightsArguments(call, request),
      ...(kept && keptArguments(kept, problem)),
    });
    const scratchBytes = call.kernelSize((kernels) => kernels.attention_scratch_bytes(block.pointer));
    if (scratchBytes === OVERFLOW) {
      throw outOfMemoryError(`${OPERATION}: the working memory for these sizes exceeds 4 GiB`);
    }
    block.setInteger("scratch", call.temporary(scratchBytes));
    call.kernel((kernels) => kernels.attention_forward(block.pointer));
    if (kept !== undefined) {
      if (kept.output !== result.output) call.convert(result.output, kept.output as Tensor<FloatDType>);
      const outputs = { ...result, weights: isDifferentiable(request) ? result.weights : undefined };
      const given = differentiableOutputs.filter((name) => outputs[name] !== undefined);
      const details: AttentionDetails = { problem, request, result, kept, outputs: given };
      call.record(
        "attention",
        inputs,
        given.map((name) => outputs[name] as Tensor),
        details,
      );
      for (const tensor of [kept.output, kept.statistics]) if (tensor !== result.output) tensor.dispose();
    }
    return result;
  });
}

/** Scores before the softcap and after it are for looking at: their gradient would have hidden keys in it. */
const isDifferentiable = (request: WeightsRequest | undefined): boolean =>
  request !== undefined && request.mode >= weightsModes.score;

/** Memory for all that is asked for. */
function createResult(
  call: Call,
  { geometry, dtype, valueDType, past }: AttentionProblem,
  request: WeightsRequest | undefined,
  needLogSumExp: boolean,
): ScaledDotProductAttentionResult {
  return {
    output: call.output(geometry.output.shape, dtype),
    ...(past && {
      presentKey: call.output(geometry.presentKey.shape, dtype),
      presentValue: call.output(geometry.presentValue.shape, valueDType),
    }),
    ...(needLogSumExp && {
      logSumExp: call.output([...geometry.leadingShape, geometry.sizes.queryLength], "float32"),
    }),
    ...(request && { weights: call.output(request.shape, dtype) }),
  };
}

function createKept(
  call: Call,
  { geometry, dtype }: AttentionProblem,
  { output }: ScaledDotProductAttentionResult,
): KeptForBackward {
  const { batch, heads, queryLength } = geometry.sizes;
  return {
    output: dtype === "float32" ? output : call.output(geometry.output.shape, "float32"),
    statistics: call.output([2, batch, heads, queryLength], "float32"),
  };
}

const keptArguments = (
  { output, statistics }: KeptForBackward,
  { geometry }: AttentionProblem,
): AttentionArguments => ({
  ...tensorArguments("output", pointerOf(output), geometry.output),
  outputDtype: dtypes.float32,
  statistics: pointerOf(statistics),
});

function resultArguments(
  { output, presentKey, presentValue, logSumExp, weights }: ScaledDotProductAttentionResult,
  { geometry }: AttentionProblem,
): AttentionArguments {
  return {
    ...tensorArguments("output", pointerOf(output), geometry.output),
    ...(presentKey && tensorArguments("presentKey", pointerOf(presentKey), geometry.presentKey)),
    ...(presentValue && tensorArguments("presentValue", pointerOf(presentValue), geometry.presentValue)),
    ...(logSumExp && { logSumExp: pointerOf(logSumExp) }),
    ...(weights && { weights: pointerOf(weights) }),
  };
}
