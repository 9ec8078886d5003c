/** A case of the oracle's as a call of the package, and its results as plain arrays. */
import { scaledDotProductAttention, scope, type Tensor, type TensorLike } from "../../ts/entry/default.js";
import { encode16, widen, type FloatType } from "../oracle/half.js";
import type { OracleTensor } from "../oracle/attention.js";
import type { AttentionCase, CaseMask, CaseTensor } from "./arbitraries.js";

export interface StoredResult {
  readonly shape: readonly number[];
  readonly dtype: FloatType;
  /** The elements' bits, for comparisons that know −0 and NaN. */
  readonly bits: Uint16Array | Uint32Array;
  /** The elements as numbers. */
  readonly values: Float64Array;
}

export interface AttentionResults {
  readonly output: StoredResult;
  readonly weights?: StoredResult;
  readonly logSumExp?: StoredResult;
  readonly presentKey?: StoredResult;
  readonly presentValue?: StoredResult;
}

/** `{ data, shape, dtype }` as the package takes it. */
export function packageTensor({ data, shape, dtype }: CaseTensor | CaseMask): {
  data: Float32Array | Uint16Array | Uint8Array;
  shape: readonly number[];
  dtype: FloatType | "bool";
} {
  switch (dtype) {
    case "float32":
      return { data: Float32Array.from(data), shape, dtype };
    case "bool":
      return { data: Uint8Array.from(data), shape, dtype };
    default:
      return { data: encode16(dtype, data), shape, dtype };
  }
}

/** A worked example's tensors have no dtype: they are float32, or bool where they are such a mask. */
export function float32Case(
  example: Omit<AttentionCase, "query" | "key" | "value" | "options"> & {
    readonly query: OracleTensor;
    readonly key: OracleTensor;
    readonly value: OracleTensor;
    readonly options: object;
  },
): AttentionCase {
  const typed = (value: unknown): unknown => {
    if (typeof value !== "object" || value === null || !("data" in value)) {
      return value;
    }
    return { ...value, dtype: "kind" in value && value.kind === "bool" ? "bool" : "float32" };
  };
  return {
    query: typed(example.query) as CaseTensor,
    key: typed(example.key) as CaseTensor,
    value: typed(example.value) as CaseTensor,
    options: Object.fromEntries(Object.entries(example.options).map(([name, value]) => [name, typed(value)])),
  };
}

export function storedResult(tensor: Tensor): StoredResult {
  const { shape, dtype } = tensor;
  const elements = tensor.toArray();
  const bits =
    elements instanceof Uint16Array ? elements : new Uint32Array(elements.buffer, elements.byteOffset, elements.length);
  return { shape, dtype: dtype as FloatType, bits, values: widen(dtype as FloatType, elements) };
}

/** Runs the case; logSumExp is always asked for. Everything that the call made is freed. */
export function callAttention({ query, key, value, options }: AttentionCase): AttentionResults {
  return scope(() => {
    const { attnMask, pastKey, pastValue, alibiSlopes, ...plain } = options;
    const tensors: Record<string, TensorLike> = {};
    for (const [name, tensor] of Object.entries({ attnMask, pastKey, pastValue })) {
      if (tensor) {
        tensors[name] = packageTensor(tensor);
      }
    }
    if (alibiSlopes) {
      tensors.alibiSlopes = packageTensor({ ...alibiSlopes, dtype: "float32" });
    }
    const results = scaledDotProductAttention(packageTensor(query), packageTensor(key), packageTensor(value), {
      ...plain,
      ...tensors,
      needLogSumExp: true,
    });
    return Object.fromEntries(
      Object.entries(results).flatMap(([name, tensor]) => (tensor ? [[name, storedResult(tensor as Tensor)]] : [])),
    ) as unknown as AttentionResults;
  });
}
