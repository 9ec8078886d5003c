// A data set: samples in columns, and the batches that are made of them.
import { shapeError, typeError } from "../../errors.js";
import { isTensorData } from "../../tensor/source.js";
import { isTensor, type Tensor } from "../../tensor/tensor.js";
import { type Column, type ColumnLike, type Padding, readColumn, type Taken } from "./columns.js";

/** Several inputs by name, or one. */
export type InputsLike = ColumnLike | Readonly<Record<string, ColumnLike>>;

/** Samples: inputs, targets and, where sequences of different lengths are padded already, a mask of what counts. */
export interface Samples {
  /**
   * What `model.forward` gets: tensors, with the samples along the first axis; or an array with a sample in each element. Where the samples
   * are arrays themselves, they may be of different lengths: they are padded, and the model gets their mask. Under several names the
   * model gets an object of tensors.
   */
  readonly inputs: InputsLike;
  /** What the loss and the metrics get. Sequences of different lengths are padded, integers with -100, which `crossEntropy` ignores. */
  readonly targets: ColumnLike;
  /** `[n, L]`: true where there is something. Default: made of inputs that are arrays of arrays. */
  readonly mask?: ColumnLike;
}

/** Tensors for one call of the model. */
export interface Batch {
  readonly inputs: unknown;
  readonly targets: unknown;
  /** `[B, L]`, by name where the inputs are. */
  readonly mask: Tensor | Readonly<Record<string, Tensor>> | undefined;
  /** The number of samples. */
  readonly count: number;
}

/** Samples that have been checked. */
export interface DataSet {
  readonly count: number;
  /** Of the longest input of each sample, where they differ. */
  readonly lengths: readonly number[] | undefined;
  readonly take: (samples: readonly number[]) => Batch;
}

const INPUT_PADDING: Padding = { integer: 0, float: 0 };
/** What `crossEntropy` ignores unless it is told otherwise. */
const TARGET_PADDING: Padding = { integer: -100, float: 0 };

/** Whether a value holds several columns by name. */
const isRecord = (value: unknown): value is Record<string, ColumnLike> =>
  typeof value === "object" &&
  value !== null &&
  !Array.isArray(value) &&
  !ArrayBuffer.isView(value) &&
  !isTensor(value) &&
  !isTensorData(value);

/** Checks samples. Throws what `readColumn` does, and a RangeError where parts differ in their number. */
export function readSamples(operation: string, argument: string, value: unknown): DataSet {
  if (!isRecord(value) || !("inputs" in value) || !("targets" in value)) {
    throw typeError(
      operation,
      argument,
      "{ inputs, targets }, batches of such, or a function that returns either",
      value,
    );
  }
  const { inputs, targets, mask } = value as unknown as Samples;
  const names = isRecord(inputs) ? Object.keys(inputs) : undefined;
  const columns = (names ?? [""]).map((name): Column => {
    const at = name === "" ? `${argument}.inputs` : `${argument}.inputs.${name}`;
    return readColumn(operation, at, isRecord(inputs) ? inputs[name] : inputs, INPUT_PADDING);
  });
  const target = readColumn(operation, `${argument}.targets`, targets, TARGET_PADDING);
  const given = mask === undefined ? undefined : readColumn(operation, `${argument}.mask`, mask, INPUT_PADDING);
  const { count } = target;
  for (const column of [...columns, ...(given === undefined ? [] : [given])]) {
    if (column.count !== count) {
      throw shapeError(operation, column.argument, `${count} samples, as many as there are targets`, column.count);
    }
  }
  const ragged = columns.flatMap(({ lengths }) => (lengths === undefined ? [] : [lengths]));
  const lengths =
    ragged.length === 0 ? undefined : ragged[0].map((_, sample) => Math.max(...ragged.map((own) => own[sample])));

  const take = (samples: readonly number[]): Batch => {
    const taken = columns.map((column) => column.take(samples));
    const byName = <T>(part: (taken: Taken) => T | undefined): Record<string, T> =>
      Object.fromEntries(
        (names ?? []).flatMap((name, index) => {
          const own = part(taken[index]);
          return own === undefined ? [] : [[name, own] as const];
        }),
      );
    const masks = names === undefined ? taken[0].mask : byName((own) => own.mask);
    return {
      inputs: names === undefined ? taken[0].value : byName((own) => own.value),
      targets: target.take(samples).value,
      mask: given === undefined ? masks : (given.take(samples).value as Tensor),
      count: samples.length,
    };
  };
  return { count, lengths, take };
}
