// The parts of a data set, inputs or targets or masks: one value a sample, from which the tensors of a batch are made.
import { shapeError, typeError } from "../../errors.js";
import { describe, type TensorLike } from "../../ops/operand.js";
import { elementCount, sameShape, type Shape } from "../../tensor/shape.js";
import {
  arrayKind,
  elementsOf,
  type Elements,
  isTensorData,
  type Leaf,
  type NestedArray,
  readLeaves,
  readSource,
  type Source,
} from "../../tensor/source.js";
import { createTensor, isTensor, rawTensor, type Tensor, tensorFromSource } from "../../tensor/tensor.js";

/** What a sequence is filled up with to the length of the longest in its batch. */
export interface Padding {
  readonly integer: number;
  readonly float: number;
}

/**
 * One value a sample: a tensor, or what stands for one, with the samples along its first axis; a typed array of numbers; or an array
 * of numbers, of nested arrays, whose first axis may be of another length in each sample, or of anything else.
 */
export type ColumnLike = TensorLike | ArrayLike<NestedArray<Leaf>> | ArrayLike<ArrayBufferView> | readonly unknown[];

/** What stands for samples in a batch. */
export interface Taken {
  readonly value: unknown;
  /** `[B, L]`, where samples are arrays: true where there is something. */
  readonly mask?: Tensor;
}

/** A part of a data set. */
export interface Column {
  readonly argument: string;
  /** The number of samples. */
  readonly count: number;
  /** Of each sample, where they differ. */
  readonly lengths?: readonly number[];
  /** The samples with these numbers. What is created belongs to the scope. */
  readonly take: (samples: readonly number[]) => Taken;
}

/** A sample of nested arrays. */
interface Sample {
  readonly leaves: readonly Leaf[];
  readonly shape: Shape;
}

const isLeaf = (value: unknown): boolean => /^(number|bigint|boolean)$/.test(typeof value);

/** Throws a TypeError for what holds no samples; a RangeError for a tensor of rank 0 and samples that don't fit together. */
export function readColumn(operation: string, argument: string, value: unknown, padding: Padding): Column {
  const tensor = rawTensor(value);
  if (tensor !== undefined || isTensorData(value)) {
    const { shape, content } = describe(operation, argument, (tensor ?? value) as TensorLike);
    if (shape.length === 0) throw shapeError(operation, argument, "samples along the first axis", shape);
    return isTensor(content) ? tensorColumn(argument, content) : denseColumn(argument, content);
  }
  const kind = arrayKind(value);
  if (kind !== undefined) {
    const isFloat = /^Float/.test(kind);
    const numbers = Array.from(value as ArrayLike<number | bigint>, Number);
    return denseColumn(argument, readSource(operation, argument, numbers, undefined, isFloat ? "float32" : "int32"));
  }
  if (!Array.isArray(value)) {
    throw typeError(operation, argument, "a Tensor, { data, shape } or an array with a sample in each element", value);
  }
  const samples: readonly unknown[] = value;
  const isNumeric = (sample: unknown): boolean => isLeaf(sample) || Array.isArray(sample) || ArrayBuffer.isView(sample);
  if (samples.length > 0 && samples.every(isNumeric)) return nestedColumn(operation, argument, samples, padding);
  return { argument, count: samples.length, take: (numbers) => ({ value: numbers.map((number) => samples[number]) }) };
}

/** Copies rows of `size` elements. */
function gatherRows(to: Elements, from: Elements, size: number, rows: readonly number[]): void {
  rows.forEach((row, index) => to.set(from.subarray(row * size, (row + 1) * size), index * size));
}

function tensorColumn(argument: string, tensor: Tensor): Column {
  const [count, ...rest] = tensor.shape;
  const take = (rows: readonly number[]): Taken => {
    const value = createTensor("fit", [rows.length, ...rest], tensor.dtype);
    gatherRows(value.view(), tensor.view(), elementCount(rest), rows);
    return { value };
  };
  return { argument, count, take };
}

function denseColumn(argument: string, { elements, shape, ...kind }: Source): Column {
  const [count, ...rest] = shape;
  const size = elementCount(rest);
  const take = (rows: readonly number[]): Taken => {
    const taken = elementsOf(kind.storedAs, rows.length * size);
    gatherRows(taken, elements, size, rows);
    return { value: tensorFromSource("fit", { ...kind, elements: taken, shape: [rows.length, ...rest] }) };
  };
  return { argument, count, take };
}

/** Samples of nested arrays, which are padded along their first axis where they differ there. */
function nestedColumn(operation: string, argument: string, values: readonly unknown[], padding: Padding): Column {
  const samples: Sample[] = [];
  for (const [number, value] of values.entries()) {
    const name = `${argument}[${number}]`;
    const sample = readLeaves(operation, name, value);
    const [first = sample] = samples;
    if (sample.shape.length !== first.shape.length || !sameShape(sample.shape.slice(1), first.shape.slice(1))) {
      const sizes = first.shape.map((size, axis) => (axis === 0 ? "*" : size));
      throw shapeError(operation, name, `shape [${sizes.join(", ")}], as ${argument}[0] has it`, sample.shape);
    }
    samples.push(sample);
  }
  const dtype = dtypeOf(values, samples);
  const rest = samples[0].shape.slice(1);
  const isScalar = samples[0].shape.length === 0;
  const lengths = samples.map(({ shape }) => (isScalar ? 1 : shape[0]));
  const isRagged = lengths.some((length) => length !== lengths[0]);

  const take = (rows: readonly number[]): Taken => {
    const longest = Math.max(0, ...rows.map((row) => lengths[row]));
    const size = longest * elementCount(rest);
    const elements = elementsOf(dtype, rows.length * size);
    elements.fill(dtype === "float32" ? padding.float : dtype === "int32" ? padding.integer : 0);
    rows.forEach((row, index) => elements.set(samples[row].leaves.map(Number), index * size));
    const shape = isScalar ? [rows.length] : [rows.length, longest, ...rest];
    const value = tensorFromSource("fit", { elements, storedAs: dtype, dtype, shape });
    if (isScalar) return { value };
    const seen = elementsOf("bool", rows.length * longest);
    rows.forEach((row, index) => seen.fill(1, index * longest, index * longest + lengths[row]));
    const mask = { elements: seen, storedAs: "bool", dtype: "bool", shape: [rows.length, longest] } as const;
    return { value, mask: tensorFromSource("fit", mask) };
  };
  return { argument, count: samples.length, lengths: isRagged ? lengths : undefined, take };
}

/** Booleans are flags, numbers that are all integers of 32 bits int32, all others float32. */
function dtypeOf(values: readonly unknown[], samples: readonly Sample[]): "bool" | "int32" | "float32" {
  const some = samples.find(({ leaves }) => leaves.length > 0);
  if (typeof some?.leaves[0] === "boolean") return "bool";
  const isInteger = (leaf: Leaf): boolean => (Number(leaf) | 0) === Number(leaf);
  const areIntegers = samples.every(({ leaves }) => leaves.every(isInteger));
  return areIntegers && !values.some((value) => /^Float/.test(arrayKind(value) ?? "")) ? "int32" : "float32";
}
