import { checkNumber, checkOptions } from "../../arguments.js";
import { rangeError, shapeError } from "../../errors.js";
import { type Call, runCall } from "../../ops/call.js";
import { describeFloat, type FloatOperand } from "../../ops/float-operand.js";
import type { TensorLike } from "../../ops/operand.js";
import { float32View } from "../../runtime/memory.js";
import { bytesPerElement } from "../../tensor/dtype.js";
import { elementCount, requireShape } from "../../tensor/shape.js";
import type { Tensor } from "../../tensor/tensor.js";
import { checkReduction, divisorOf, type LossOptions, reducedLoss } from "./reduction.js";

const OPERATION = "distillationLoss";

/** Options of `distillationLoss`. */
export interface DistillationOptions extends LossOptions {
  /** τ, by which both are divided: the larger, the more of the teacher's small probabilities counts. Default: 1. */
  temperature?: number;
}

/** What the gradient must know of a call. */
export interface DistillationDetails {
  readonly student: FloatOperand;
  readonly teacher: FloatOperand;
  readonly rows: number;
  readonly columns: number;
  readonly temperature: number;
  readonly divisor: number | undefined;
}

/** Pointers to the teacher's logits and to their softmax at the temperature. */
export function softTeacher(
  call: Call,
  { teacher, rows, columns, temperature }: DistillationDetails,
): readonly [logits: number, probabilities: number] {
  const logits = call.inputAsFloat32(teacher);
  const count = rows * columns;
  const [scaled, probabilities] = [count, count].map((size) => call.temporary(size * bytesPerElement.float32));
  float32View(scaled, count).set(float32View(logits, count));
  call.kernel((kernels) => kernels.scale(scaled, count, 1 / temperature));
  // Along the last axis it needs no scratch memory.
  call.kernel((kernels) => kernels.softmax(probabilities, scaled, 0, rows, columns, 1));
  return [logits, probabilities];
}

/**
 * τ² · Σ_c t_c (ln t_c − ln s_c) over rows, with t = softmax(teacher / τ) and s = softmax(student / τ): how far a student is from
 * its teacher, in the scale of `crossEntropy`. (Hinton et al. 2015, "Distilling the Knowledge in a Neural Network".) The
 * gradient at the student is τ · (s − t); the teacher is a constant.
 *
 * Error of a row: at most 2^-24 · (24 + 3r/τ + C/16) · (2 · loss + τ² · (1 + 2 · ln C)), with r the larger range of its logits.
 *
 * @param student `[…, C]`, logits; float32, float16 or bfloat16.
 * @param teacher The same shape, of any float dtype.
 * @param options Temperature and reduction. "mean" divides by the number of rows.
 * @returns A float32 tensor: of rank 0, or with "none" of the logits' shape without the last axis.
 * @throws {TypeError} for wrong kinds.
 * @throws {RangeError} for different shapes, a temperature that isn't positive, another reduction, and for lack of memory.
 */
export function distillationLoss(
  student: TensorLike,
  teacher: TensorLike,
  options?: DistillationOptions,
): Tensor<"float32"> {
  const { temperature = 1, reduction } = checkOptions(OPERATION, options, ["temperature", "reduction"]);
  checkNumber(OPERATION, "temperature", temperature, 0);
  if (!Number.isFinite(Math.fround(1 / temperature))) {
    throw rangeError(OPERATION, "temperature", "a positive number", temperature);
  }
  const x = describeFloat(OPERATION, "student", student);
  const y = describeFloat(OPERATION, "teacher", teacher);
  if (x.shape.length === 0) throw shapeError(OPERATION, "student", "shape [..., C]", x.shape);
  requireShape(OPERATION, y, [x.shape], ", that of the student");
  const shape = x.shape.slice(0, -1);
  const rows = elementCount(shape);
  const columns = x.shape[x.shape.length - 1];
  const divisor = divisorOf(checkReduction(OPERATION, reduction), rows);
  const details: DistillationDetails = { student: x, teacher: y, rows, columns, temperature, divisor };

  return runCall(OPERATION, (call) => {
    const source = call.inputAsFloat32(x);
    const [logits, probabilities] = softTeacher(call, details);
    const entropies = call.temporary(rows * bytesPerElement.float32);
    const loss = reducedLoss(call, shape, divisor, (losses) => {
      // Σ t (ln t − ln s) as the difference of two cross-entropies, which is 0 where the logits are equal.
      for (const [output, input] of [
        [losses, source],
        [entropies, logits],
      ]) {
        call.kernel((kernels) =>
          kernels.cross_entropy(output, input, 0, probabilities, 0, rows, columns, 0, 0, 1 / temperature),
        );
      }
      const [own, least] = [float32View(losses, rows), float32View(entropies, rows)];
      own.forEach((value, row) => (own[row] = temperature * temperature * (value - least[row])));
    });
    return call.record("distillationLoss", [x], loss, details);
  });
}
