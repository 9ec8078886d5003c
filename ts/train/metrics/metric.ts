/** A figure over the batches of an epoch or of an evaluation. */
export interface Metric {
  /**
   * Counts a batch. What it makes is freed afterwards; nothing is recorded.
   *
   * @param outputs What the model gave.
   * @param targets What the data have: a tensor, or an array of what isn't numbers.
   * @param mask `[B, L]`, where the data have one: true = counted.
   */
  // eslint-disable-next-line @typescript-eslint/no-explicit-any -- what a model gives and a metric takes is theirs
  update: (outputs: any, targets: any, mask?: any) => void;
  /** The figure over all batches so far. */
  compute: () => number;
  /** What has been counted so far, as JSON can hold it: a training state within an epoch needs it, which `fit` gives back here. */
  state?: unknown;
}

/** Makes a metric that has counted nothing: one for each epoch and each evaluation. */
export type MetricFactory = () => Metric;
