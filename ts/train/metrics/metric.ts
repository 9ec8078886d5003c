import { typeError } from "../../errors.js";

/* eslint-disable @typescript-eslint/no-explicit-any -- what a model gives and a metric takes is theirs */
/** A figure over the batches of an epoch or of an evaluation. */
export interface Metric<Outputs = any, Targets = any, Mask = any> {
  /**
   * Counts a batch. What it makes is freed afterwards; nothing is recorded.
   *
   * @param outputs What the model gave.
   * @param targets What the data have: a tensor, or an array of what isn't numbers.
   * @param mask `[B, L]`, where the data have one: true = counted.
   */
  update: (outputs: Outputs, targets: Targets, mask?: Mask) => void;
  /** The figure over all batches so far. */
  compute: () => number;
  /** What has been counted so far, as JSON can hold it: a training state within an epoch needs it, which `fit` gives back here. */
  state?: unknown;
}
/* eslint-enable @typescript-eslint/no-explicit-any */

/** Makes a metric that has counted nothing: one for each epoch and each evaluation. */
export type MetricFactory = () => Metric;

/** Counts as a metric's state: texts, since JSON has no NaN and no infinities. */
export const saveCounts = (counts: readonly number[]): string[] => counts.map(String);

/** The counts of a state, so many or any number; a TypeError for what is none. */
export function loadCounts(operation: string, state: unknown, length?: number): number[] {
  const isCount = (text: unknown): boolean => typeof text === "string" && String(Number(text)) === text;
  if (!Array.isArray(state) || state.length !== (length ?? state.length) || !state.every(isCount)) {
    throw typeError(operation, "state", "that of a metric of this kind", state);
  }
  return state.map(Number);
}
