// Learning rates over the steps of a training: factors for `optimizer.lrFactor`, each a pure function of the finished steps.
import { checkInteger, checkNumber, checkOptions } from "../arguments.js";
import { rangeError } from "../errors.js";
import { runCall } from "../ops/call.js";
import { float64View } from "../runtime/memory.js";

/**
 * What the learning rate is multiplied with after so many finished steps: 0 before the first. It throws a TypeError or a RangeError
 * for anything but a number of steps.
 */
export type Schedule = (steps: number) => number;

/** Options of a schedule that begins by rising from 0. */
export interface WarmupOptions {
  /** After how many steps the factor is 1: before, t finished steps give t / warmupSteps. Default: 0. */
  warmupSteps?: number;
}

/** Options of a schedule that ends. */
export interface DecayOptions extends WarmupOptions {
  /** The number of all steps, at least `warmupSteps`. */
  totalSteps: number;
}

/** Options of `cosineSchedule`. */
export interface CosineOptions extends DecayOptions {
  /** The factor at the end and from there on. Default: 0. */
  least?: number;
}

/** Options of `noamSchedule`. */
export interface NoamOptions {
  /** The model's width. */
  dModel: number;
  /** After how many steps the rate is largest; at least 1. */
  warmupSteps: number;
}

/** The cosine from Rust, since hosts differ in the last bits. */
const cosine = (operation: string, angle: number): number =>
  runCall(operation, (call) => {
    const result = call.temporary(Float64Array.BYTES_PER_ELEMENT);
    call.kernel((kernels) => kernels.cosine(result, angle));
    return float64View(result, 1)[0];
  });

/** From 1 at 0 to 0 at 1, as half a cosine. */
const fall = (operation: string, x: number): number => (1 + cosine(operation, Math.PI * x)) / 2;

const checkSteps = (operation: string, steps: number): number => checkInteger(operation, "steps", steps, 0);

/** A schedule that rises to 1, then goes on as `after` says. */
function warmedUp(operation: string, warmupSteps: number, after: Schedule): Schedule {
  checkInteger(operation, "warmupSteps", warmupSteps, 0);
  return (steps) => (checkSteps(operation, steps) < warmupSteps ? steps / warmupSteps : after(steps));
}

/**
 * 1, after the warmup. As transformers' `get_constant_schedule_with_warmup`.
 *
 * @param options The warmup.
 * @returns The schedule.
 * @throws {TypeError} for wrong kinds.
 * @throws {RangeError} for a negative number of steps.
 */
export function constantSchedule(options?: WarmupOptions): Schedule {
  const { warmupSteps = 0 } = checkOptions("constantSchedule", options, ["warmupSteps"]);
  return warmedUp("constantSchedule", warmupSteps, () => 1);
}

/**
 * (T − t) / (T − w) after the warmup of w of all T steps, and 0 from T on. As transformers' `get_linear_schedule_with_warmup`.
 *
 * @param options Warmup and number of steps.
 * @returns The schedule.
 * @throws {TypeError} for wrong kinds.
 * @throws {RangeError} for a negative number of steps, and for more of warmup than in all.
 */
export function linearSchedule(options: DecayOptions): Schedule {
  const operation = "linearSchedule";
  const { warmupSteps = 0, totalSteps } = checkOptions(operation, options, ["warmupSteps", "totalSteps"]);
  const total = checkInteger(operation, "totalSteps", totalSteps, warmupSteps);
  return warmedUp(operation, warmupSteps, (t) => (t >= total ? 0 : (total - t) / (total - warmupSteps)));
}

/**
 * least + (1 − least) · ½ · (1 + cos(π · (t − w) / (T − w))) after the warmup of w of all T steps, and `least` from T on.
 * (Loshchilov and Hutter 2017, "SGDR", without restarts.) Transformers' `get_cosine_schedule_with_warmup` rises again after T.
 *
 * @param options Warmup, number of steps, and what remains.
 * @returns The schedule, which needs a runtime.
 * @throws {TypeError} for wrong kinds.
 * @throws {RangeError} for a negative number of steps, and for more of warmup than in all.
 */
export function cosineSchedule(options: CosineOptions): Schedule {
  const operation = "cosineSchedule";
  const {
    warmupSteps = 0,
    totalSteps,
    least = 0,
  } = checkOptions(operation, options, ["warmupSteps", "totalSteps", "least"]);
  const total = checkInteger(operation, "totalSteps", totalSteps, warmupSteps);
  checkNumber(operation, "least", least);
  return warmedUp(operation, warmupSteps, (t) =>
    t >= total ? least : least + (1 - least) * fall(operation, (t - warmupSteps) / (total - warmupSteps)),
  );
}

/**
 * √(w / t) after the warmup of w steps. As transformers' `get_inverse_sqrt_schedule`.
 *
 * @param options The warmup, of at least one step.
 * @returns The schedule.
 * @throws {TypeError} for wrong kinds.
 * @throws {RangeError} for less than one step.
 */
export function inverseSqrtSchedule(options: { warmupSteps: number }): Schedule {
  const operation = "inverseSqrtSchedule";
  const { warmupSteps } = checkOptions(operation, options, ["warmupSteps"]);
  const warmup = checkInteger(operation, "warmupSteps", warmupSteps, 1);
  return warmedUp(operation, warmup, (t) => Math.sqrt(warmup / t));
}

/**
 * dModel^-½ · min((t + 1)^-½, (t + 1) · warmupSteps^-1.5). (Vaswani et al. 2017, 5.3: with a learning rate of 1.)
 *
 * @param options The model's width and the warmup, of at least one step.
 * @returns The schedule.
 * @throws {TypeError} for wrong kinds.
 * @throws {RangeError} for less than one step, and for a width below 1.
 */
export function noamSchedule(options: NoamOptions): Schedule {
  const operation = "noamSchedule";
  const { dModel, warmupSteps } = checkOptions(operation, options, ["dModel", "warmupSteps"]);
  const width = checkInteger(operation, "dModel", dModel, 1);
  const warmup = checkInteger(operation, "warmupSteps", warmupSteps, 1);
  return (steps) => {
    const t = checkSteps(operation, steps) + 1;
    return Math.min(1 / Math.sqrt(t), t / (warmup * Math.sqrt(warmup))) / Math.sqrt(width);
  };
}

/**
 * From 1/25 up to 1 at u = 0.3 · T − 1, then down to 4e-6 at T − 1, both along a cosine: PyTorch's `OneCycleLR`, with a learning
 * rate of its `max_lr`. (Smith and Topin 2019, "Super-Convergence".)
 *
 * @param options The number T of all steps, at least 1.
 * @returns The schedule, which needs a runtime. It throws a RangeError for T finished steps and more.
 * @throws {TypeError} for wrong kinds.
 * @throws {RangeError} for less than one step.
 */
export function oneCycleSchedule(options: { totalSteps: number }): Schedule {
  const operation = "oneCycleSchedule";
  const { totalSteps } = checkOptions(operation, options, ["totalSteps"]);
  const total = checkInteger(operation, "totalSteps", totalSteps, 1);
  const peak = 0.3 * total - 1;
  const between = (start: number, end: number, x: number): number => end + (start - end) * fall(operation, x);
  return (steps) => {
    const t = checkSteps(operation, steps);
    if (t >= total) throw rangeError(operation, "steps", `less than totalSteps, ${total}`, t);
    return t <= peak ? between(1 / 25, 1, t / peak) : between(1, 4e-6, (t - peak) / (total - 1 - peak));
  };
}
