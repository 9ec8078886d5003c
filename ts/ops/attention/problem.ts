import { checkNumber, checkPair } from "../../arguments.js";
import { misuseError } from "../../errors.js";
import { float32View, int32View } from "../../runtime/memory.js";
import type { FloatDType } from "../../tensor/dtype.js";
import { requireShape, type Shape } from "../../tensor/shape.js";
import { dtypes } from "../../wasm/interface.js";
import type { Call } from "../call.js";
import { describeFloat, type FloatOperand } from "../float-operand.js";
import { readKeyLengths } from "../key-lengths.js";
import { type Numbers, type NumbersLike, readNumbers } from "../numbers.js";
import type { Operand, TensorLike } from "../operand.js";
import { type AttentionArguments, tensorArguments } from "./arguments.js";
import { type Geometry, type Past, readDTypes, readGeometry } from "./geometry.js";
import { type Mask, readMask } from "./mask.js";
import type { ScaledDotProductAttentionOptions } from "./options.js";
import { readScalars } from "./scalars.js";

/** What an attention call computes, checked, before anything is allocated: inputs and rules, whatever is made of them. */
export interface AttentionProblem {
  readonly query: FloatOperand;
  readonly key: FloatOperand;
  readonly value: FloatOperand;
  readonly past: Past | undefined;
  /** Of query, key and output. */
  readonly dtype: FloatDType;
  readonly valueDType: FloatDType;
  readonly geometry: Geometry;
  readonly mask: Mask | undefined;
  /** One a batch. */
  readonly keyLengths: readonly number[] | undefined;
  /** `[H]` or `[B, H]` */
  readonly slopes: Numbers | undefined;
  /** `[H]` */
  readonly sinks: Numbers | undefined;
  /** Causality, windows, scale, softcap, dropout. */
  readonly scalars: AttentionArguments;
}

/** Checks the inputs and the rules of an attention call. Throws TypeError and RangeError. */
export function readProblem(
  operation: string,
  queryLike: TensorLike,
  keyLike: TensorLike,
  valueLike: TensorLike,
  options: ScaledDotProductAttentionOptions,
): AttentionProblem {
  const query = describeFloat(operation, "query", queryLike);
  const key = describeFloat(operation, "key", keyLike);
  const value = describeFloat(operation, "value", valueLike);
  const past = readPast(operation, options);
  const dtypesOfInputs = readDTypes(operation, query, key, value, past);
  const geometry = readGeometry(operation, query, key, value, past, options);
  const { batch, heads, newLength } = geometry.sizes;
  const keyLengths = readKeyLengths(operation, options.keyLengths, batch, newLength);
  const mask = options.attnMask === undefined ? undefined : readMask(operation, options.attnMask, geometry, keyLengths);
  const slopes = readValues(operation, "alibiSlopes", options.alibiSlopes, [[heads], [batch, heads]]);
  slopes?.values.forEach((slope, index) => checkNumber(operation, `alibiSlopes[${index}]`, slope));
  const sinks = readValues(operation, "sinks", options.sinks, [[heads]], ", one sink a head");
  const scalars = readScalars(operation, options);
  return { query, key, value, past, ...dtypesOfInputs, geometry, mask, keyLengths, slopes, sinks, scalars };
}

/** The inputs through which gradients may flow. */
export const differentiableInputs = ({
  query,
  key,
  value,
  past,
  mask,
  slopes,
  sinks,
}: AttentionProblem): readonly (Operand | undefined)[] => [
  query,
  key,
  value,
  past?.key,
  past?.value,
  mask?.operand,
  slopes?.operand,
  sinks?.operand,
];

/** A problem's numbers as the kernels take them. What isn't in the WebAssembly memory is copied there. */
export function problemArguments(call: Call, problem: AttentionProblem): AttentionArguments {
  const { geometry, past, mask, keyLengths, slopes, sinks } = problem;
  return {
    ...problem.scalars,
    ...geometry.sizes,
    dtype: dtypes[problem.dtype],
    valueDtype: dtypes[problem.valueDType],
    outputDtype: dtypes[problem.dtype],
    ...tensorArguments("query", call.input(problem.query), geometry.query),
    ...tensorArguments("key", call.input(problem.key), geometry.key),
    ...tensorArguments("value", call.input(problem.value), geometry.value),
    ...(past && {
      ...tensorArguments("pastKey", call.input(past.key), geometry.pastKey),
      ...tensorArguments("pastValue", call.input(past.value), geometry.pastValue),
    }),
    ...(mask && { mask: call.input(mask.operand), ...mask.arguments }),
    ...(keyLengths && { keyLengths: call.words(int32View, keyLengths) }),
    ...(slopes && {
      alibiSlopes: call.words(float32View, slopes.values),
      alibiBatchStride: slopes.shape.length === 1 ? 0 : geometry.sizes.heads,
    }),
    ...(sinks && { sinks: call.words(float32View, sinks.values) }),
  };
}

function readPast(
  operation: string,
  { pastKey, pastValue, keyLengths }: ScaledDotProductAttentionOptions,
): Past | undefined {
  checkPair(operation, "pastKey", pastKey, "pastValue", pastValue);
  if (pastKey === undefined || pastValue === undefined) return undefined;
  if (keyLengths !== undefined) throw misuseError(operation, "keyLengths", "excluded by pastKey and pastValue");
  return {
    key: describeFloat(operation, "pastKey", pastKey),
    value: describeFloat(operation, "pastValue", pastValue),
  };
}

/** Numbers of one of some shapes. */
function readValues(
  operation: string,
  argument: string,
  value: NumbersLike | undefined,
  shapes: readonly Shape[],
  note?: string,
): Numbers | undefined {
  if (value === undefined) return undefined;
  const numbers = readNumbers(operation, argument, value);
  requireShape(operation, { argument, shape: numbers.shape }, shapes, note);
  return numbers;
}
