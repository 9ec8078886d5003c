import { int32View, float32View } from "../../runtime/memory.js";
import { bytesPerElement } from "../../tensor/dtype.js";
import { elementCount } from "../../tensor/shape.js";
import { type BinaryCrossEntropyDetails, weightPointers } from "../losses/binary-cross-entropy.js";
import { type CrossEntropyDetails, targetPointers } from "../losses/cross-entropy.js";
import { type CtcDetails, ctcScratch } from "../losses/ctc.js";
import { type DistillationDetails, softTeacher } from "../losses/distillation.js";
import type { MeanSquaredErrorDetails } from "../losses/mean-squared-error.js";
import { lossFactors } from "../losses/reduction.js";
import { gradientOf, type Rule } from "../rule.js";

const crossEntropy: Rule<CrossEntropyDetails> = ({ details, save }) => {
  const x = save(details.logits);
  const { rows, columns, ignoreIndex, labelSmoothing, divisor } = details;
  const kept = { ...details, probabilities: details.probabilities && save(details.probabilities) };
  // loss = −Σ_c q_c ln softmax(logits)_c
  return ([dy]) => [
    gradientOf(x.shape, (call, dx) => {
      const source = call.inputAsFloat32(x);
      const targets = targetPointers(call, kept);
      const factors = lossFactors(call, dy, divisor);
      call.kernel((kernels) =>
        kernels.cross_entropy_backward(
          dx,
          source,
          ...targets,
          ...factors,
          rows,
          columns,
          ignoreIndex,
          labelSmoothing,
          1,
        ),
      );
    }),
  ];
};

const binaryCrossEntropyWithLogits: Rule<BinaryCrossEntropyDetails> = ({ details, save }) => {
  const [x, z] = [save(details.logits), save(details.targets)];
  // loss = weight · ((1 − z) · x + (1 + (posWeight − 1) · z) · (ln(1 + e^−|x|) + max(−x, 0)))
  return ([dy]) => [
    gradientOf(x.shape, (call, dx) => {
      const [source, target] = [call.inputAsFloat32(x), call.inputAsFloat32(z)];
      const weights = weightPointers(call, details);
      const factors = lossFactors(call, dy, details.divisor);
      const count = elementCount(x.shape);
      call.kernel((kernels) =>
        kernels.binary_cross_entropy_backward(dx, source, target, ...weights, ...factors, count),
      );
    }),
  ];
};

const mseLoss: Rule<MeanSquaredErrorDetails> = ({ details: { input, target, divisor }, needs, save }) => {
  const [a, b] = [save(input), save(target)];
  // loss = (a − b)²
  return ([dy]) =>
    [
      [a, b],
      [b, a],
    ].map(([own, other], index) =>
      needs[index]
        ? gradientOf(own.shape, (call, gradient) => {
            const [source, target] = [call.inputAsFloat32(own), call.inputAsFloat32(other)];
            const factors = lossFactors(call, dy, divisor);
            const count = elementCount(own.shape);
            call.kernel((kernels) => kernels.mean_squared_error_backward(gradient, source, target, ...factors, count));
          })
        : undefined,
    );
};

const distillationLoss: Rule<DistillationDetails> = ({ details, save }) => {
  const kept = { ...details, teacher: save(details.teacher) };
  const x = save(details.student);
  const { rows, columns, temperature, divisor } = details;
  // loss = τ² Σ_c t_c (ln t_c − ln s_c), with s = softmax(student / τ)
  return ([dy]) => [
    gradientOf(x.shape, (call, dx) => {
      const source = call.inputAsFloat32(x);
      const [, probabilities] = softTeacher(call, kept);
      const factors = lossFactors(call, dy, divisor, temperature);
      call.kernel((kernels) =>
        kernels.cross_entropy_backward(
          dx,
          source,
          0,
          probabilities,
          0,
          ...factors,
          rows,
          columns,
          0,
          0,
          1 / temperature,
        ),
      );
    }),
  ];
};

const ctcLoss: Rule<CtcDetails> = ({ details, save }) => {
  const x = save(details.logProbs);
  const { integers, sizes, shares, blank, zeroInfinity } = details;
  const [frames, batch] = sizes;
  // loss = −ln Σ exp(α_{T−1})
  return ([dy]) => [
    gradientOf(x.shape, (call, dx) => {
      const source = call.inputAsFloat32(x);
      const words = call.words(int32View, integers);
      const upstream = dy.toArray();
      const factors = call.words(float32View, shares?.map((share) => share * upstream[0]) ?? upstream);
      const scratch = ctcScratch(call, frames, details);
      const losses = call.temporary(batch * bytesPerElement.float32);
      call.kernel((kernels) =>
        kernels.ctc(losses, dx, source, words, factors, scratch, ...sizes, blank, Number(zeroInfinity)),
      );
    }),
  ];
};

/** Of the losses. */
export const lossRules = { crossEntropy, binaryCrossEntropyWithLogits, mseLoss, distillationLoss, ctcLoss };
