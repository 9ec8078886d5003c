// Learning, for whichever entry makes the runtime. Importing it is enough: from then on operations are recorded.
import { installRecorder } from "../tensor/recorder.js";
import { tape } from "../train/tape.js";

export { backward } from "../train/backward.js";
export { checkpoint, type CheckpointResult } from "../train/checkpoint.js";
export type { BatchSource, Data } from "../train/fit/batches.js";
export type { ColumnLike } from "../train/fit/columns.js";
export type { EarlyStoppingOptions } from "../train/fit/early-stopping.js";
export { evaluate, type EvaluateOptions } from "../train/fit/evaluate.js";
export { type EpochEvent, fit, type FitOptions, type FitResult, type StepEvent } from "../train/fit/fit.js";
export type { InputsLike, Samples } from "../train/fit/samples.js";
export type { LossFunction, Metrics, Model } from "../train/fit/scores.js";
export { loadTrainingState, saveTrainingState, type TrainingStateParts } from "../train/fit/training-state.js";
export { binaryCrossEntropyWithLogits, type BinaryCrossEntropyOptions } from "../train/losses/binary-cross-entropy.js";
export { crossEntropy, type CrossEntropyOptions } from "../train/losses/cross-entropy.js";
export { ctcLoss, type CtcOptions } from "../train/losses/ctc.js";
export { distillationLoss, type DistillationOptions } from "../train/losses/distillation.js";
export { mseLoss } from "../train/losses/mean-squared-error.js";
export { type LossOptions, type Reduction } from "../train/losses/reduction.js";
export { accuracy } from "../train/metrics/accuracy.js";
export { bleu, type BleuReference } from "../train/metrics/bleu.js";
export { type ClassMetric, type ClassMetricOptions } from "../train/metrics/classes.js";
export { f1, type F1Options } from "../train/metrics/f1.js";
export { type Metric, type MetricFactory } from "../train/metrics/metric.js";
export { perplexity } from "../train/metrics/perplexity.js";
export { type TextMetric, type TextScoreOptions } from "../train/metrics/texts.js";
export { wordErrorRate } from "../train/metrics/word-error-rate.js";
export { noGrad } from "../train/mode.js";
export {
  Adam,
  type AdamHyperparameters,
  type AdamOptions,
  AdamW,
  type AdamWOptions,
} from "../train/optimizers/adam.js";
export { clipGradNorm, clipGradValue } from "../train/optimizers/clip.js";
export {
  ExponentialMovingAverage,
  type ExponentialMovingAverageOptions,
} from "../train/optimizers/exponential-moving-average.js";
export {
  decayGroups,
  layerwiseLr,
  type LayerwiseLrOptions,
  type ParameterSource,
} from "../train/optimizers/group-parameters.js";
export {
  type Hyperparameters,
  Optimizer,
  type OptimizerGroup,
  type OptimizerStateDict,
  type OptimizerStateDictLike,
} from "../train/optimizers/optimizer.js";
export { type ParameterGroup, type Parameters } from "../train/optimizers/parameter-groups.js";
export { SGD, type SgdHyperparameters, type SgdOptions } from "../train/optimizers/sgd.js";
export {
  constantSchedule,
  type CosineOptions,
  cosineSchedule,
  type DecayOptions,
  inverseSqrtSchedule,
  linearSchedule,
  type NoamOptions,
  noamSchedule,
  oneCycleSchedule,
  type Schedule,
  type WarmupOptions,
} from "../train/schedules.js";

installRecorder(tape);
