// Learning, for whichever entry makes the runtime. Importing it is enough: from then on operations are recorded.
import { installRecorder } from "../tensor/recorder.js";
import { tape } from "../train/tape.js";

export { backward } from "../train/backward.js";
export { checkpoint, type CheckpointResult } from "../train/checkpoint.js";
export { binaryCrossEntropyWithLogits, type BinaryCrossEntropyOptions } from "../train/losses/binary-cross-entropy.js";
export { crossEntropy, type CrossEntropyOptions } from "../train/losses/cross-entropy.js";
export { ctcLoss, type CtcOptions } from "../train/losses/ctc.js";
export { distillationLoss, type DistillationOptions } from "../train/losses/distillation.js";
export { mseLoss } from "../train/losses/mean-squared-error.js";
export { type LossOptions, type Reduction } from "../train/losses/reduction.js";
export { noGrad } from "../train/mode.js";

installRecorder(tape);
