// Learning, for whichever entry makes the runtime. Importing it is enough: from then on operations are recorded.
import { installRecorder } from "../tensor/recorder.js";
import { tape } from "../train/tape.js";

export { backward } from "../train/backward.js";
export { checkpoint, type CheckpointResult } from "../train/checkpoint.js";
export { noGrad } from "../train/mode.js";

installRecorder(tape);
