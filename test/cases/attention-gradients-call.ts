/** A case of the oracle's as a call of the package and its backward pass, and the gradients as plain arrays. */
import {
  scaledDotProductAttention,
  type ScaledDotProductAttentionResult,
  scope,
  Tensor,
} from "../../ts/entry/default.js";
import { backward } from "../../ts/entry/train.js";
import type { Cotangents, Gradients } from "../oracle/attention-gradients.js";
import type { AttentionCase, CaseMask, CaseTensor } from "./arbitraries.js";
import { packageTensor, storedResult, type StoredResult } from "./attention-call.js";

export type StoredGradients = { readonly [Input in keyof Gradients]?: StoredResult };

/** Gradients of every input that can have one. An input that nothing reached is left out: its gradient is 0. */
export function callAttentionGradients(
  { query, key, value, options }: AttentionCase,
  cotangents: { readonly [Result in keyof Cotangents]: CaseTensor },
): StoredGradients {
  return scope(() => {
    const { attnMask, pastKey, pastValue, alibiSlopes, sinks, ...plain } = options;
    const inputs: Record<keyof Gradients, CaseTensor | CaseMask | undefined> = {
      query,
      key,
      value,
      pastKey,
      pastValue,
      attnMask,
      alibiSlopes: alibiSlopes && { ...alibiSlopes, dtype: "float32" },
      sinks: sinks && { data: sinks, shape: [sinks.length], dtype: "float32" },
    };
    const tensors = Object.entries(inputs).flatMap(([name, input]) => {
      if (!input) return [];
      const tensor = Tensor.from(packageTensor(input));
      if (input.dtype !== "bool") tensor.requiresGrad = true;
      return [[name, tensor] as const];
    });
    const { query: q, key: k, value: v, ...given } = Object.fromEntries(tensors);
    const results: ScaledDotProductAttentionResult = scaledDotProductAttention(q, k, v, {
      ...plain,
      ...given,
      needLogSumExp: true,
    });
    const names = Object.keys(cotangents) as (keyof Cotangents)[];
    backward(
      names.map((name) => results[name]!),
      names.map((name) => Tensor.from(packageTensor(cotangents[name]!))),
    );
    return Object.fromEntries(tensors.flatMap(([name, { grad }]) => (grad ? [[name, storedResult(grad)]] : [])));
  });
}
