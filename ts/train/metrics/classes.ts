import { checkInteger, checkOptions } from "../../arguments.js";
import { shapeError, typeError } from "../../errors.js";
import { describeFloat } from "../../ops/float-operand.js";
import { checkIndex, type IndicesLike, readIntegers } from "../../ops/indices.js";
import { describeMask, type MaskLike } from "../../ops/mask-operand.js";
import { numbersIn } from "../../ops/numbers.js";
import type { TensorLike } from "../../ops/operand.js";
import { argmax } from "../../ops/topk.js";
import { scope } from "../../tensor/scope.js";
import type { Metric } from "./metric.js";
import { requireShape, sameShape, type Shape } from "../../tensor/shape.js";

/** A metric of logits `[…, C]` and integer targets `[…]`. */
export type ClassMetric = Metric<TensorLike, TensorLike | IndicesLike, MaskLike>;

/** Options of metrics that count classes. */
export interface ClassMetricOptions {
  /** A target that isn't counted, as that of padding. Default: -100. */
  ignoreIndex?: number;
}

/** The option, checked. */
export function readIgnoreIndex(operation: string, options: ClassMetricOptions | undefined): number {
  const { ignoreIndex = -100 } = checkOptions(operation, options, ["ignoreIndex"]);
  return checkInteger(operation, "ignoreIndex", ignoreIndex, -(2 ** 31), 2 ** 31 - 1);
}

/** Which targets a mask lets through; undefined for all. A mask of another length than theirs is the inputs' alone. */
function readMask(operation: string, mask: MaskLike, shape: Shape): readonly number[] | undefined {
  const operand = describeMask(operation, "mask", mask);
  if (operand.dtype !== "bool") throw typeError(operation, "mask", "bool", operand.dtype);
  if (operand.shape[0] !== shape[0]) {
    throw shapeError(operation, "mask", `shape [${shape.slice(0, 1).join()}, …], a row for each target`, operand.shape);
  }
  return sameShape(operand.shape, shape) ? numbersIn(operation, operand).values : undefined;
}

/**
 * The class of each row of logits `[…, C]` that it should have, or `ignoreIndex` where the row isn't counted. All arguments are
 * checked here.
 */
export function readClasses(
  operation: string,
  outputs: TensorLike,
  targets: TensorLike | IndicesLike,
  mask: MaskLike | undefined,
  ignoreIndex: number,
): { classes: Int32Array; shape: Shape } {
  const logits = describeFloat(operation, "outputs", outputs);
  const [shape, columns] = [logits.shape.slice(0, -1), logits.shape[logits.shape.length - 1] ?? 0];
  if (columns === 0) throw shapeError(operation, "outputs", "shape [..., C] with a class at least", logits.shape);
  const integers = readIntegers(operation, "targets", targets);
  const note = ", one class for each row of outputs";
  requireShape(operation, { argument: "targets", shape: integers.shape }, [shape], note);
  integers.values.forEach((value, at) => checkIndex(operation, "targets", at, value, columns, ignoreIndex));
  const flags = mask === undefined ? undefined : readMask(operation, mask, shape);
  return { classes: Int32Array.from(integers.values, (value, at) => (flags?.[at] === 0 ? ignoreIndex : value)), shape };
}

/** Calls `count` for each row that is counted, with the class of the largest logit, the first of equal ones, and the class that it should have. */
export function forEachPrediction(
  outputs: TensorLike,
  classes: Int32Array,
  ignoreIndex: number,
  count: (predicted: number, expected: number) => void,
): void {
  const predictions = scope(() => argmax(outputs).toArray());
  classes.forEach((expected, row) => {
    if (expected !== ignoreIndex) count(predictions[row], expected);
  });
}
