import { checkBoolean, checkInteger, checkOptions } from "../../arguments.js";
import { shapeError } from "../../errors.js";
import { type Call, runCall } from "../../ops/call.js";
import { describeFloat, type FloatOperand } from "../../ops/float-operand.js";
import { checkIndex, type IndicesLike, readIntegers } from "../../ops/indices.js";
import { float32View, int32View } from "../../runtime/memory.js";
import { bytesPerElement } from "../../tensor/dtype.js";
import { requireShape } from "../../tensor/shape.js";
import { pointerOf, type Tensor } from "../../tensor/tensor.js";
import type { TensorLike } from "../../ops/operand.js";
import { checkReduction, type LossOptions } from "./reduction.js";

const OPERATION = "ctcLoss";

/** Options of `ctcLoss`. */
export interface CtcOptions extends LossOptions {
  /** The label that stands for none. Default: 0. */
  blank?: number;
  /** Makes the loss of a target that can't be, which is infinite, 0, and its gradient 0 instead of NaN. Default: false. */
  zeroInfinity?: boolean;
}

/** What the gradient must know of a call. */
export interface CtcDetails {
  readonly logProbs: FloatOperand;
  /** Of each batch the frames, of each batch the number of labels, all labels. */
  readonly integers: readonly number[];
  readonly largestTargetLength: number;
  /** T, B and C. */
  readonly sizes: readonly [frames: number, batch: number, classes: number];
  /** What each batch's loss is multiplied with in the sum; undefined where there is none. */
  readonly shares: readonly number[] | undefined;
  readonly blank: number;
  readonly zeroInfinity: boolean;
}

/** Scratch memory of a pass over so many frames. */
export function ctcScratch(call: Call, frames: number, { largestTargetLength }: CtcDetails): number {
  const length = call.kernelSize((kernels) => kernels.ctc_scratch_length(frames, largestTargetLength));
  return call.temporary(length * bytesPerElement.float32);
}

/** A length for each batch. */
function readLengths(argument: string, value: IndicesLike, batch: number, most: number): readonly number[] {
  const { values, shape } = readIntegers(OPERATION, argument, value);
  requireShape(OPERATION, { argument, shape }, [[batch]], ", one for each batch");
  values.forEach((length, at) => checkInteger(OPERATION, `${argument}, element ${at}`, length, 0, most));
  return values;
}

/** The labels of all batches, one after the other, of targets that are padded or already so. */
function readLabels(targets: IndicesLike, lengths: readonly number[], classes: number): readonly number[] {
  const { values, shape } = readIntegers(OPERATION, "targets", targets);
  const total = lengths.reduce((sum, length) => sum + length, 0);
  const width = shape.length === 1 ? undefined : shape[1];
  if (width === undefined)
    requireShape(OPERATION, { argument: "targets", shape }, [[total]], ", the sum of targetLengths");
  else if (shape.length !== 2 || shape[0] !== lengths.length || lengths.some((length) => length > width)) {
    const expected = `shape [${lengths.length}, S] with S at least ${Math.max(0, ...lengths)}, or [${total}]`;
    throw shapeError(OPERATION, "targets", expected, shape);
  }
  let start = 0;
  return lengths.flatMap((length, batch) => {
    const first = width === undefined ? start : batch * width;
    start += length;
    const labels = values.slice(first, first + length);
    labels.forEach((label, at) => checkIndex(OPERATION, "targets", first + at, label, classes));
    return labels;
  });
}

/**
 * Connectionist temporal classification: −ln of the probability that a sequence of frames spells a target once repeated labels
 * are merged and blanks dropped. (Graves et al. 2006.) As PyTorch's `ctc_loss`, but for the gradient: at the
 * log-probabilities it is −γ, with γ the probability that a frame has a label, given the target; behind `logSoftmax` that makes
 * softmax − γ at the logits. (PyTorch gives softmax − γ for both.)
 *
 * A target that can't be, since there are fewer frames than labels and the blanks between equal ones, has the loss Infinity
 * and the gradient NaN, or with `zeroInfinity` 0 and 0. An empty target's loss is −Σ ln p(blank). Frames past a batch's length have
 * the gradient 0.
 *
 * Error of a loss: at most 2^-24 · (T · (16 + 4 · d) + loss), of a γ 2^-23 · T · (16 + 4 · d) · γ + 2^-100, where d is the most by which
 * the logarithm of a state with a part in the result lies below the largest of its frame.
 *
 * @param logProbs `[T, B, C]`, logarithms of probabilities; float32, float16 or bfloat16.
 * @param targets Labels from 0 to C − 1, padded to `[B, S]` (padding may be anything), or one after the other.
 * @param inputLengths How many frames of each batch count, `[B]`; from 0 to T.
 * @param targetLengths How many labels each batch has, `[B]`.
 * @param options The blank, what becomes of infinite losses, reduction. "mean" divides each loss by its number of labels (at least 1),
 *   then by B.
 * @returns A float32 tensor: of rank 0, or with "none" `[B]`.
 * @throws {TypeError} for wrong kinds.
 * @throws {RangeError} for a length above T, a label that is no class, other shapes, wrong values of options, and for lack
 *   of memory.
 */
export function ctcLoss(
  logProbs: TensorLike,
  targets: IndicesLike,
  inputLengths: IndicesLike,
  targetLengths: IndicesLike,
  options?: CtcOptions,
): Tensor<"float32"> {
  const given = checkOptions(OPERATION, options, ["blank", "zeroInfinity", "reduction"]);
  const { blank = 0, zeroInfinity = false } = given;
  const reduction = checkReduction(OPERATION, given.reduction);
  checkBoolean(OPERATION, "zeroInfinity", zeroInfinity);
  const x = describeFloat(OPERATION, "logProbs", logProbs);
  if (x.shape.length !== 3) throw shapeError(OPERATION, "logProbs", "shape [T, B, C]", x.shape);
  const [frames, batch, classes] = x.shape;
  checkInteger(OPERATION, "blank", blank, 0, classes - 1);
  const inputs = readLengths("inputLengths", inputLengths, batch, frames);
  const lengths = readLengths("targetLengths", targetLengths, batch, 2 ** 31 - 1);
  const labels = readLabels(targets, lengths, classes);
  const shareOf = (length: number): number => (reduction === "sum" ? 1 : 1 / (Math.max(1, length) * batch));
  const details: CtcDetails = {
    logProbs: x,
    integers: [...inputs, ...lengths, ...labels],
    largestTargetLength: Math.max(0, ...lengths),
    sizes: [frames, batch, classes],
    shares: reduction === "none" ? undefined : lengths.map(shareOf),
    blank,
    zeroInfinity,
  };
  const { integers, sizes, shares } = details;

  return runCall(OPERATION, (call) => {
    const source = call.inputAsFloat32(x);
    const words = call.words(int32View, integers);
    const scratch = ctcScratch(call, 1, details);
    const output = call.output(shares === undefined ? [batch] : [], "float32");
    const losses = shares === undefined ? pointerOf(output) : call.temporary(batch * bytesPerElement.float32);
    call.kernel((kernels) => kernels.ctc(losses, 0, source, words, 0, scratch, ...sizes, blank, Number(zeroInfinity)));
    if (shares !== undefined) {
      const values = float32View(losses, batch);
      output.view()[0] = shares.reduce((sum, share, index) => sum + share * values[index], 0);
    }
    return call.record("ctcLoss", [x], output, details);
  });
}
