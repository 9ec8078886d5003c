// The loss and the metrics over the batches of an epoch.
import { misuseError, shapeError, typeError } from "../../errors.js";
import type { Module } from "../../nn/module.js";
import { elementCount } from "../../tensor/shape.js";
import { isTensor, type Tensor } from "../../tensor/tensor.js";
import type { Metric, MetricFactory } from "../metrics/metric.js";
import { inMode } from "../mode.js";
import type { Batch } from "./samples.js";

/* eslint-disable @typescript-eslint/no-explicit-any -- what a model gives and a loss takes is theirs */
/** A model that `fit` and `evaluate` can call: with a batch's inputs, and its mask where there is one. */
export type Model = Module & { forward: (inputs: any, options?: any) => any };

/**
 * The mean loss of a batch, of one element. In the means over an epoch it weighs as much as the batch has samples, or the `count` beside
 * it, as of the tokens over which it was taken.
 */
export type LossFunction = (outputs: any, targets: any) => Tensor | { readonly loss: Tensor; readonly count: number };
/* eslint-enable @typescript-eslint/no-explicit-any */

/** The metrics of a call by name. */
export type Metrics = Readonly<Record<string, MetricFactory>>;

/** Throws a TypeError for what are no metrics. */
export function checkMetrics(operation: string, metrics: Metrics = {}): Metrics {
  if (typeof metrics !== "object" || metrics === null) {
    throw typeError(operation, "metrics", "an object with functions that make metrics", metrics);
  }
  for (const [name, create] of Object.entries(metrics)) {
    if (typeof create !== "function") {
      throw typeError(operation, `metrics.${name}`, "a function that makes a metric", create);
    }
    if (name === "loss") throw misuseError(operation, "metrics.loss", "is the name of the loss");
  }
  return metrics;
}

/** What the model gave for a batch, and its loss. */
export interface Judged {
  readonly outputs: unknown;
  readonly loss: Tensor;
  readonly value: number;
  /** How much it weighs in a mean. */
  readonly count: number;
}

/** Calls the model and the loss. Throws a TypeError when the loss gives no number. */
export function judge(
  operation: string,
  model: Model,
  { inputs, targets, mask, count }: Batch,
  loss: LossFunction,
): Judged {
  const outputs: unknown = model.forward(inputs, { mask });
  const given = loss(outputs, targets);
  const result = isTensor(given) ? { loss: given, count } : given;
  if (!isTensor(result?.loss)) throw typeError(operation, "loss", "a function that returns a Tensor", given);
  if (elementCount(result.loss.shape) !== 1) {
    throw shapeError(operation, "loss", "a tensor of one element, the mean over the batch", result.loss.shape);
  }
  return { outputs, loss: result.loss, value: Number(result.loss.item()), count: result.count };
}

/** What has been counted, as JSON can hold it. */
export interface ScoresState {
  readonly sum: number;
  readonly count: number;
  readonly metrics: Readonly<Record<string, unknown>>;
}

/** Means of the loss, and metrics. */
export class Scores {
  readonly #metrics: readonly (readonly [name: string, metric: Metric])[];
  #sum = 0;
  #count = 0;
  #isSpoiled = false;

  constructor(operation: string, metrics: Metrics) {
    this.#metrics = Object.entries(metrics).map(([name, create]) => {
      const metric = create();
      if (typeof metric?.update !== "function" || typeof metric.compute !== "function") {
        throw typeError(operation, `metrics.${name}`, "a function that makes { update, compute }", metric);
      }
      return [name, metric];
    });
  }

  /** Counts a batch. */
  add({ outputs, value, count }: Judged, { targets, mask }: Batch): void {
    this.#sum += value * count;
    this.#count += count;
    inMode("off", () => {
      for (const [, metric] of this.#metrics) metric.update(outputs, targets, mask);
    });
  }

  /** The mean loss and the metrics. */
  results(): Record<string, number> {
    const metrics = this.#metrics.map(([name, metric]) => [name, metric.compute()] as const);
    return { loss: this.#count === 0 ? 0 : this.#sum / this.#count, ...Object.fromEntries(metrics) };
  }

  /** After a step that has been counted, at least in part, and then failed: there is no state to save any more. */
  spoil(): void {
    this.#isSpoiled = true;
  }

  /** Throws a TypeError for a metric that doesn't tell its state, and after a step that failed late. */
  save(operation: string): ScoresState {
    if (this.#isSpoiled) {
      throw misuseError(operation, "saveTrainingState", "a step failed after it was counted: take an earlier state");
    }
    const metrics = this.#metrics.map(([name, metric]) => {
      if (metric.state === undefined) {
        throw misuseError(operation, `metrics.${name}`, "has no state, which is needed within an epoch");
      }
      return [name, metric.state] as const;
    });
    return { sum: this.#sum, count: this.#count, metrics: Object.fromEntries(metrics) };
  }

  load({ sum, count, metrics }: ScoresState): void {
    this.#sum = sum;
    this.#count = count;
    for (const [name, metric] of this.#metrics) metric.state = metrics[name];
  }
}
