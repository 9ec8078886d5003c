// The batches of an epoch, from a data set or from what gives batches by itself.
import { shapeError } from "../../errors.js";
import { orderBatches, type OrderOptions, range } from "./order.js";
import { type Batch, type DataSet, readSamples, type Samples } from "./samples.js";

/** What gives batches, one `Samples` each: an array, a generator, a stream. Tensors among them stay the caller's. */
export type BatchSource = Iterable<Samples> | AsyncIterable<Samples>;

/** What a model learns from, or is judged by: samples, batches, or a function that gives either for an epoch, counted from 0. */
export type Data =
  Samples | BatchSource | ((epoch: number) => Samples | BatchSource | PromiseLike<Samples | BatchSource>);

/** Data whose samples, where they are at hand, have been checked. */
export type CheckedData =
  DataSet | BatchSource | ((epoch: number) => ReturnType<Extract<Data, (epoch: number) => unknown>>);

/** What an epoch goes through. */
export interface Epoch {
  /** The number of batches; undefined where it isn't known. */
  readonly count: number | undefined;
  /** From the first that is wanted on; each is made by a call, and belongs to the scope of that. */
  readonly batches: AsyncIterable<() => Batch>;
}

const isSource = (value: unknown): value is BatchSource =>
  typeof value === "object" && value !== null && (Symbol.iterator in value || Symbol.asyncIterator in value);

const isDataSet = (value: CheckedData): value is DataSet => typeof value === "object" && !isSource(value);

/** Throws a TypeError for what is no data, a RangeError for samples that don't fit together, or none at all. */
export function readData(operation: string, argument: string, data: unknown): CheckedData {
  if (typeof data === "function") return data as CheckedData;
  if (isSource(data)) return data;
  const samples = readSamples(operation, argument, data);
  if (samples.count === 0) throw shapeError(operation, argument, "at least one sample", samples.count);
  return samples;
}

/** Opens an epoch, whose first batches are left out. Throws what `readData` does. */
export async function openEpoch(
  operation: string,
  argument: string,
  data: CheckedData,
  epoch: number,
  first: number,
  order: OrderOptions,
): Promise<Epoch> {
  const given = typeof data === "function" ? readData(operation, `${argument}(${epoch})`, await data(epoch)) : data;
  if (typeof given === "function") return openEpoch(operation, argument, given, epoch, first, order);
  if (!isDataSet(given)) return { count: undefined, batches: collate(operation, argument, given, first) };
  const { count, lengths, take } = given;
  const orders = orderBatches(count, lengths, order);
  return { count: orders.length, batches: made(orders.slice(first).map((samples) => () => take(samples))) };
}

// eslint-disable-next-line @typescript-eslint/require-await -- both kinds of data are read alike
async function* made(batches: readonly (() => Batch)[]): AsyncGenerator<() => Batch> {
  yield* batches;
}

async function* collate(
  operation: string,
  argument: string,
  source: BatchSource,
  first: number,
): AsyncGenerator<() => Batch> {
  let number = 0;
  for await (const samples of source) {
    const at = `${argument}: batch ${number}`;
    if (number++ < first) continue;
    yield () => wholeBatch(operation, at, samples);
  }
}

/** All samples as one batch, of which tensors are taken as they are. */
function wholeBatch(operation: string, argument: string, samples: Samples): Batch {
  const { count, take } = readSamples(operation, argument, samples);
  if (count === 0) throw shapeError(operation, argument, "at least one sample", count);
  return take(range(count));
}
