// The worker's end of dedicated-worker.mjs: runs the suite at once.
import { outcomeOf } from "./outcome.mjs";
import { run } from "./run-importing.mjs";

outcomeOf(run).then((outcome) => self.postMessage(outcome));
