import type { IndicesLike } from "../../ops/indices.js";
import type { MaskLike } from "../../ops/mask-operand.js";
import type { TensorLike } from "../../ops/operand.js";

/** What becomes one number over the batches of a pass. An object with these two methods is a metric. */
export interface Metric<Outputs = TensorLike, Targets = TensorLike | IndicesLike> {
  /**
   * Counts a batch.
   *
   * @param outputs What the model gives.
   * @param targets What it should give.
   * @param mask Of the batch's samples, where there are tokens.
   * @throws {TypeError} for wrong kinds; then nothing has been counted.
   * @throws {RangeError} for what doesn't fit together; then nothing has been counted.
   */
  update(outputs: Outputs, targets: Targets, mask?: MaskLike): void;

  /**
   * The number of all that has been counted so far; more may follow.
   *
   * @returns The number.
   * @throws {AttentionError} when there is no runtime.
   */
  compute(): number;
}
