import { checkInteger, checkOptions } from "../../arguments.js";
import { typeError } from "../../errors.js";
import { Module } from "../../nn/module.js";
import { requireInstance } from "../../runtime/instance.js";
import { scope } from "../../tensor/scope.js";
import { inMode } from "../mode.js";
import { type CheckedData, type Data, openEpoch, readData } from "./batches.js";
import { nextTurn, throwIfAborted } from "./event-loop.js";
import { checkMetrics, judge, type LossFunction, type Metrics, type Model, Scores } from "./scores.js";

const OPERATION = "evaluate";

/** Options of `evaluate`. */
export interface EvaluateOptions {
  /** The mean loss of a batch. */
  loss: LossFunction;
  /** Functions that make metrics, by the names that the result has. Default: none. */
  metrics?: Metrics;
  /** Samples in a call of the model, where the data are no batches. Default: 32. */
  batchSize?: number;
  /** Ends the evaluation early: the promise is rejected with its reason. */
  signal?: AbortSignal;
}

/** Throws a TypeError for what is no model, or no loss. */
export function checkModel(operation: string, model: Model, loss: LossFunction): void {
  if (!(model instanceof Module) || typeof model.forward !== "function") {
    throw typeError(operation, "model", "a Module with a method forward", model);
  }
  if (typeof loss !== "function") throw typeError(operation, "loss", "a function of outputs and targets", loss);
}

/** The number of samples in a batch, checked. */
export const checkBatchSize = (operation: string, batchSize = 32): number =>
  checkInteger(operation, "batchSize", batchSize, 1, 2 ** 31 - 1);

/** Options of `evaluate`, checked. */
export type CheckedEvaluation = Required<Pick<EvaluateOptions, "loss" | "metrics" | "batchSize">> &
  Pick<EvaluateOptions, "signal">;

/** Evaluates a model on data that have been checked. */
export async function evaluateChecked(
  operation: string,
  model: Model,
  argument: string,
  data: CheckedData,
  { loss, metrics, batchSize, signal }: CheckedEvaluation,
): Promise<Record<string, number>> {
  const scores = new Scores(operation, metrics);
  const { batches } = await openEpoch(operation, argument, data, 0, 0, { batchSize, seed: undefined });
  const wasTraining = model.training;
  model.eval();
  try {
    for await (const make of batches) {
      throwIfAborted(signal);
      scope(() =>
        inMode("off", () => {
          const batch = make();
          scores.add(judge(operation, model, batch, loss), batch);
        }),
      );
      await nextTurn();
    }
    throwIfAborted(signal);
    return scores.results();
  } finally {
    if (!model.disposed) model.train(wasTraining);
  }
}

/**
 * Judges a model: its mean loss and metrics over data, in evaluation mode and without recording; afterwards it is in the mode in which it was.
 * As Keras's `model.evaluate`. Between batches the event loop has its turn.
 *
 * @example
 * ```js
 * import { init, Linear } from "wasm-attention";
 * import { accuracy, crossEntropy, evaluate } from "wasm-attention/train";
 *
 * await init();
 * const model = Linear.from({ data: [1, 0, 0, 1], shape: [2, 2] });
 * const test = { inputs: [[3.5, 0], [0, 2.5], [1.5, 0]], targets: [0, 1, 1] };
 * const result = await evaluate(model, test, { loss: crossEntropy, metrics: { accuracy } });
 * console.log(result.accuracy.toFixed(3)); // 0.667
 * ```
 *
 * @param model A module whose `forward` takes a batch's inputs, and `{ mask }` beside them.
 * @param data Samples, batches, or a function that gives either, as for `fit`; they stay in order.
 * @param options The loss, metrics, the size of a batch, a signal.
 * @returns A promise of `loss`, the mean over the samples (or what the loss counts), and of each metric.
 * @throws {TypeError} for wrong kinds and unknown options.
 * @throws {RangeError} for wrong values, samples that don't fit together or none at all, and for lack of memory.
 * @throws Whatever the model, the loss, a metric or the data throw, and the signal's reason.
 */
export async function evaluate(
  model: Model,
  data: Data,
  options: EvaluateOptions,
): Promise<{ loss: number } & Record<string, number>> {
  const given = checkOptions(OPERATION, options, ["loss", "metrics", "batchSize", "signal"]);
  checkModel(OPERATION, model, given.loss as LossFunction);
  requireInstance(OPERATION);
  const checked = {
    loss: given.loss as LossFunction,
    metrics: checkMetrics(OPERATION, given.metrics),
    batchSize: checkBatchSize(OPERATION, given.batchSize),
    signal: given.signal,
  };
  throwIfAborted(given.signal);
  const results = await evaluateChecked(OPERATION, model, "data", readData(OPERATION, "data", data), checked);
  return results as { loss: number } & Record<string, number>;
}
