import { isDetached } from "../buffers.js";
import { misuseError, rangeError, shapeError, typeError } from "../errors.js";
import { isRuntimeMemory } from "../runtime/memory.js";
import { type ArrayByDType, checkDType, type DType, isHalf } from "./dtype.js";
import { roundToOdd } from "./half.js";
import { checkCount, checkShape, type Shape } from "./shape.js";

/** Numbers or booleans in arrays of equal lengths, to any depth. */
export type NestedArray<Leaf = number | boolean> = Leaf | readonly NestedArray<Leaf>[];

/** What nested arrays may hold, all of one kind; bigints are integers of 32 bits or flags. */
export type Leaf = number | boolean | bigint;

/** 64-bit integers, as tokenizers give them. */
export type BigIntArray = BigInt64Array | BigUint64Array;

/**
 * An element, an array of elements, an array of such arrays …: of a rank that the type doesn't know, so that it can be used
 * as each of them.
 */
export type AnyRank<Element> = Element & AnyRank<Element>[];

/** A tensor's elements in memory of JavaScript's own. */
export type Elements = Float32Array | Int32Array | Uint8Array | Uint16Array;

/** What a tensor can be made of: its elements, or what becomes them. */
export type ElementsLike = Elements | BigIntArray | NestedArray<Leaf>;

/** What stands in for a tensor: its elements, its shape and, where the elements don't tell it, its dtype. */
export interface TensorData {
  readonly data: ElementsLike;
  readonly shape: Shape;
  readonly dtype?: DType;
}

/** Elements that have been checked and can be copied into a tensor. */
export interface Source {
  readonly elements: Elements;
  /** The dtype of `elements`. */
  readonly storedAs: DType;
  /** The dtype that was asked for; other than `storedAs` where the kernels have to convert. */
  readonly dtype: DType;
  readonly shape: Shape;
}

/** What typed arrays hold: the first dtype unless another one is asked for; 16 bits don't tell which float they are. */
const DTYPES_BY_ARRAY: Readonly<Record<string, readonly DType[]>> = {
  Float32Array: ["float32", "float16", "bfloat16"],
  Float16Array: ["float16"],
  Uint16Array: ["float16", "bfloat16"],
  Int32Array: ["int32"],
  Uint8Array: ["bool"],
};

const ARRAY_BY_DTYPE = {
  float32: Float32Array,
  float16: Uint16Array,
  bfloat16: Uint16Array,
  int32: Int32Array,
  bool: Uint8Array,
} as const;

/** An array for so many elements, or a view of them. */
export function elementsOf<D extends DType>(
  dtype: D,
  ...where: [length: number] | [buffer: ArrayBufferLike, byteOffset: number, length: number]
): ArrayByDType[D] {
  const constructor = ARRAY_BY_DTYPE[dtype] as unknown as new (...where: unknown[]) => ArrayByDType[D];
  return new constructor(...where);
}

/** The name of a typed array's kind, whichever realm or subclass it is of; undefined for anything else. */
export function arrayKind(view: unknown): string | undefined {
  const typedArray = Object.getPrototypeOf(Uint8Array.prototype) as object;
  return Reflect.get(typedArray, Symbol.toStringTag, view) as string | undefined;
}

/** Whether a value is a typed array of 64-bit integers. */
export const isBigIntArray = (value: unknown): value is BigIntArray => /^Big/.test(arrayKind(value) ?? "");

function refuseDetached(operation: string, argument: string, view: ArrayBufferView): void {
  if (!isDetached(view.buffer)) return;
  const reason = "transferred, or a view that an allocation made stale";
  throw misuseError(operation, argument, `the ${arrayKind(view)} is detached: ${reason}`);
}

function readTypedArray(operation: string, prefix: string, data: ArrayBufferView, asked: DType | undefined): Source {
  const kind = arrayKind(data) ?? "DataView";
  const dtypes = DTYPES_BY_ARRAY[kind];
  if (dtypes === undefined) {
    const expected =
      "a Float32Array, Int32Array, BigInt64Array (int32), Uint8Array (bool) or Uint16Array (bits of 16-bit floats)";
    throw typeError(operation, `${prefix}data`, expected, data);
  }
  refuseDetached(operation, `${prefix}data`, data);
  if (asked === undefined && kind === "Uint16Array") {
    throw typeError(operation, `${prefix}dtype`, `"float16" or "bfloat16" for a Uint16Array`, asked);
  }
  const dtype = asked ?? dtypes[0];
  if (!dtypes.includes(dtype))
    throw typeError(operation, `${prefix}dtype`, `${dtypes.join(" or ")} for a ${kind}`, dtype);
  const storedAs = kind === "Float32Array" ? "float32" : dtype;
  const { length } = data as Elements;
  const elements = elementsOf(storedAs, data.buffer, data.byteOffset, length);
  // The next allocation would detach a view of the runtime's own memory.
  return { elements: isRuntimeMemory(data.buffer) ? elements.slice() : elements, storedAs, dtype, shape: [length] };
}

const isLeaf = (value: unknown): value is Leaf =>
  typeof value === "number" || typeof value === "boolean" || typeof value === "bigint";

/** The lengths along the first branch. */
function nestedShape(operation: string, name: string, data: unknown): Shape {
  const branch: unknown[][] = [];
  for (let value: unknown = data; Array.isArray(value); value = value[0]) {
    if (branch.includes(value)) throw shapeError(operation, name, "nested arrays of finite depth", data);
    branch.push(value);
  }
  return branch.map((value) => value.length);
}

/** The elements of nested arrays or of a typed array, in order: all numbers, all bigints or all booleans. */
export function readLeaves(
  operation: string,
  name: string,
  data: unknown,
): { readonly leaves: readonly Leaf[]; readonly shape: Shape } {
  if (ArrayBuffer.isView(data)) {
    refuseDetached(operation, name, data);
    const elements: Leaf[] = Array.from(data as Elements);
    return { leaves: elements, shape: [elements.length] };
  }
  const shape = nestedShape(operation, name, data);
  const leaves: Leaf[] = [];
  const visit = (value: unknown, axis: number): void => {
    const length = Array.isArray(value) ? value.length : undefined;
    if (length !== shape[axis]) {
      const expected =
        axis < shape.length ? `an array of ${shape[axis]}, like its neighbours,` : "a number, bigint or boolean";
      throw shapeError(operation, name, `${expected} at depth ${axis}`, value);
    }
    if (Array.isArray(value)) for (const item of value) visit(item, axis + 1);
    else if (isLeaf(value)) leaves.push(value);
    else throw typeError(operation, name, "numbers, bigints or booleans", value);
  };
  visit(data, 0);
  const kind = typeof (leaves[0] ?? 0);
  const stranger = leaves.find((leaf) => typeof leaf !== kind);
  if (stranger !== undefined) throw typeError(operation, name, `${kind}s only`, stranger);
  return { leaves, shape: checkShape(operation, name, shape) };
}

/** Numbers as int32. Throws a RangeError for one that isn't. */
export function int32From(operation: string, argument: string, numbers: readonly Leaf[]): Int32Array {
  return Int32Array.from(numbers, (value, index) => {
    const integer = Number(value) | 0;
    if (integer === Number(value)) return integer;
    throw rangeError(operation, `${argument}, element ${index}`, "an integer of 32 bits", value);
  });
}

/** What the elements of nested arrays can become: the first dtype unless another one is asked for. */
const DTYPES_BY_LEAF = {
  number: ["float32", "float16", "bfloat16", "int32", "bool"],
  bigint: ["int32", "bool"],
  boolean: ["bool"],
} as const satisfies Record<string, readonly DType[]>;

function readNested(operation: string, prefix: string, data: unknown, asked: DType | undefined): Source {
  const { leaves, shape } = readLeaves(operation, `${prefix}data`, data);
  const kind = typeof (leaves[0] ?? 0) as keyof typeof DTYPES_BY_LEAF;
  const dtypes: readonly DType[] = DTYPES_BY_LEAF[kind];
  const dtype = asked ?? dtypes[0];
  if (!dtypes.includes(dtype))
    throw typeError(operation, `${prefix}dtype`, `${dtypes.join(" or ")} for ${kind}s`, dtype);
  const storedAs = isHalf(dtype) ? "float32" : dtype;
  let elements: Elements;
  if (storedAs === "bool") elements = Uint8Array.from(leaves, (leaf) => Number(Number(leaf) !== 0));
  else if (storedAs === "int32") elements = int32From(operation, `${prefix}data`, leaves);
  else
    elements = isHalf(dtype) ? roundToOdd(leaves as readonly number[]) : Float32Array.from(leaves as readonly number[]);
  return { elements, storedAs, dtype, shape };
}

/** Whether a value is meant as `{ data, shape }`. */
export const isTensorData = (value: unknown): value is TensorData =>
  typeof value === "object" && value !== null && "data" in value;

/**
 * Checks what a tensor is to be made of, before anything is allocated. The arguments are called `data`, `shape` and
 * `dtype` in errors, after the prefix.
 */
export function readSource(operation: string, prefix: string, data: unknown, shape: unknown, dtype: unknown): Source {
  const asked = dtype === undefined ? undefined : checkDType(operation, `${prefix}dtype`, dtype);
  let source: Source;
  if (isBigIntArray(data) || Array.isArray(data) || isLeaf(data)) source = readNested(operation, prefix, data, asked);
  else if (ArrayBuffer.isView(data)) source = readTypedArray(operation, prefix, data, asked);
  else throw typeError(operation, `${prefix}data`, "a typed array or nested arrays of numbers", data);
  if (shape === undefined) return source;
  return { ...source, shape: checkCount(operation, `${prefix}shape`, shape, source.elements.length) };
}

/** As `readSource`, for what must have a shape: a tensor of another library has data too, but calls its shape otherwise. */
export function readTensorData(operation: string, prefix: string, { data, shape, dtype }: TensorData): Source {
  return readSource(operation, prefix, data, checkShape(operation, `${prefix}shape`, shape), dtype);
}
