// The order in which an epoch goes through the samples of a data set.
import { checkSeed } from "../../arguments.js";
import { runCall } from "../../ops/call.js";
import { int32View } from "../../runtime/memory.js";

/** Of the batches of an epoch. */
export interface OrderOptions {
  readonly batchSize: number;
  /** Of the epoch; undefined where samples stay in order. */
  readonly seed: number | undefined;
}

/** So many batches are sorted by the lengths of their sequences together: little padding, and still much chance. */
const BUCKET_BATCHES = 50;

/**
 * The order of an epoch. With a seed samples are shuffled; where they differ in length, each bucket of 50 batches is then sorted by
 * length, and the batches are shuffled in turn. The last batch may be smaller.
 */
export function orderBatches(count: number, lengths: readonly number[] | undefined, options: OrderOptions): number[][] {
  const { batchSize, seed } = options;
  const samples = range(count);
  if (seed === undefined) return chunks(samples, batchSize);
  const shuffled = shuffle(samples, seed, 0);
  if (lengths === undefined) return chunks(shuffled, batchSize);
  // Sorting is stable, so that the order is the same on every host.
  const sorted = chunks(shuffled, BUCKET_BATCHES * batchSize).flatMap((bucket) =>
    bucket.sort((a, b) => lengths[b] - lengths[a]),
  );
  const batches = chunks(sorted, batchSize);
  return shuffle(range(batches.length), seed, 1).map((number) => batches[number]);
}

/** 0, 1, … */
export const range = (count: number): number[] => Array.from({ length: count }, (_, index) => index);

function chunks(values: readonly number[], size: number): number[][] {
  return range(Math.ceil(values.length / size)).map((number) => values.slice(number * size, (number + 1) * size));
}

/** Numbers in the order that a seed has under a number: the same on every host. */
function shuffle(values: readonly number[], seed: number, number: number): number[] {
  if (values.length < 2) return [...values];
  const { low, high } = checkSeed("fit", "seed", seed);
  return runCall("fit", (call) => {
    const pointer = call.words(int32View, values);
    call.kernel((kernels) => kernels.random_shuffle(pointer, values.length, low, high, number));
    return Array.from(int32View(pointer, values.length));
  });
}
