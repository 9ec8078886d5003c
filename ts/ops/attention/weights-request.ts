import { checkBoolean, checkInteger, checkOptions } from "../../arguments.js";
import { misuseError, typeError } from "../../errors.js";
import { int32View } from "../../runtime/memory.js";
import { requireShape, type Shape } from "../../tensor/shape.js";
import { ABSENT, weightsModes } from "../../wasm/interface.js";
import type { Call } from "../call.js";
import { type IndicesLike, readIndices } from "../indices.js";
import type { AttentionArguments } from "./arguments.js";
import type { Geometry } from "./geometry.js";
import type { ScaledDotProductAttentionOptions } from "./options.js";

/** Attention weights that are wanted. */
export interface WeightsRequest {
  readonly mode: number;
  readonly heads: readonly number[];
  readonly rows: readonly number[];
  readonly averageHeads: boolean;
  readonly shape: Shape;
}

/** Some of so many, or all. Throws TypeError and RangeError. */
export function readSelection(
  operation: string,
  argument: string,
  value: IndicesLike | undefined,
  count: number,
): readonly number[] {
  if (value === undefined) return Array.from({ length: count }, (_, index) => index);
  const { values, operand } = readIndices(operation, argument, value, count);
  requireShape(operation, operand, [[values.length]]);
  return values;
}

/** Reads `needWeights` and `weightsMode`; undefined when no weights are wanted. Throws TypeError and RangeError. */
export function readWeightsRequest(
  operation: string,
  options: ScaledDotProductAttentionOptions,
  geometry: Geometry,
): WeightsRequest | undefined {
  const { needWeights = false, weightsMode = weightsModes.softmax } = options;
  if (needWeights === false) {
    if (options.weightsMode === undefined) return undefined;
    throw misuseError(operation, "weightsMode", "needs needWeights");
  }
  if (needWeights !== true && (typeof needWeights !== "object" || (needWeights as unknown) === null)) {
    throw typeError(operation, "needWeights", "a boolean or { heads, rows, averageHeads }", needWeights);
  }
  const selection = needWeights === true ? {} : needWeights;
  checkOptions(`${operation}: needWeights`, selection, ["heads", "rows", "averageHeads"]);
  const { averageHeads = false } = selection;
  checkBoolean(operation, "needWeights.averageHeads", averageHeads);
  const heads = readSelection(operation, "needWeights.heads", selection.heads, geometry.sizes.heads);
  const rows = readSelection(operation, "needWeights.rows", selection.rows, geometry.sizes.queryLength);
  if (averageHeads && heads.length === 0) {
    throw typeError(operation, "needWeights.heads", "at least one head to average", heads);
  }
  // Only inputs with a head axis have it in their weights.
  const headAxis = geometry.leadingShape.length === 2 && !averageHeads ? [heads.length] : [];
  return {
    mode: checkInteger(operation, "weightsMode", weightsMode, weightsModes.raw, weightsModes.dropout),
    heads,
    rows,
    averageHeads,
    shape: [...geometry.leadingShape.slice(0, 1), ...headAxis, rows.length, geometry.keyLength],
  };
}

/** A request's numbers as the kernels take them. */
export const weightsArguments = (call: Call, request: WeightsRequest | undefined): AttentionArguments =>
  request === undefined
    ? { weightsMode: ABSENT }
    : {
        weightsMode: request.mode,
        weightsHeads: call.words(int32View, request.heads),
        weightsHeadCount: request.heads.length,
        weightsRows: call.words(int32View, request.rows),
        weightsRowCount: request.rows.length,
        averageHeads: Number(request.averageHeads),
      };
