import { checkBoolean } from "../arguments.js";
import { describeFloat } from "../ops/float-operand.js";
import type { MaskLike } from "../ops/mask-operand.js";
import { tensorOf } from "../ops/operand.js";
import type { FloatDType } from "../tensor/dtype.js";
import { scope } from "../tensor/scope.js";
import type { Tensor } from "../tensor/tensor.js";
import { type AttentionForwardOptions, type NamedInput, readInputs, rounded } from "./attention-module.js";
import { readMasks } from "./masks.js";
import type { MultiheadAttention } from "./multihead-attention.js";

/** Under which names the options of a `forward` have what hides keys from an attention. */
type HidingNames = Readonly<Record<"attnMask" | "keyPaddingMask" | "isCausal", string>>;

/** What hides keys, as attention takes it. */
export type Hiding = Pick<AttentionForwardOptions, keyof HidingNames>;

/**
 * Checks what an attention is to get, before anything is computed. Gives its masks, as tensors of the scope in which the function is
 * called. Throws a TypeError for wrong kinds, a RangeError for shapes that don't fit.
 */
export function readHiding(
  operation: string,
  attention: MultiheadAttention,
  query: NamedInput,
  key: NamedInput,
  options: object,
  names: HidingNames,
): () => Hiding {
  const given = options as Readonly<Record<string, unknown>>;
  const inputs = readInputs(operation, attention, query, key, key);
  const { [names.isCausal]: isCausal = false } = given;
  checkBoolean(operation, names.isCausal, isCausal);
  const asked = {
    attnMask: given[names.attnMask] as MaskLike | undefined,
    keyPaddingMask: given[names.keyPaddingMask] as MaskLike | undefined,
  };
  const sizes = { ...inputs, heads: attention.numHeads };
  const { parts } = readMasks(operation, asked, isCausal as boolean, sizes, names);
  return () => {
    const tensors = new Map(parts.map(({ operand }) => [operand.argument, tensorOf(operation, operand)]));
    return {
      attnMask: tensors.get(names.attnMask),
      keyPaddingMask: tensors.get(names.keyPaddingMask),
      isCausal: isCausal as boolean,
    };
  };
}

/** An input in float32, as a tensor. */
export const widened = (operation: string, { argument, value }: NamedInput): Tensor<FloatDType> =>
  tensorOf(operation, describeFloat(operation, argument, value), "float32") as Tensor<FloatDType>;

/** Computes in float32, of an input of any float dtype, and rounds the result once, to that dtype. What lies between is freed. */
export function inFloat32(
  operation: string,
  input: NamedInput,
  compute: (x: Tensor<FloatDType>) => Tensor<FloatDType>,
): Tensor<FloatDType> {
  const { dtype } = describeFloat(operation, input.argument, input.value);
  return scope(() => rounded(compute(widened(operation, input)), dtype));
}
