import { isDetached } from "../buffers.js";
import { misuseError, rangeError, shapeError, typeError } from "../errors.js";
import { isRuntimeMemory } from "../runtime/memory.js";
import { type ArrayByDType, checkDType, type DType, isHalf } from "./dtype.js";
import { checkCount, checkShape, type Shape } from "./shape.js";

/** Numbers or booleans in arrays of equal lengths, to any depth. */
export type NestedArray = number | boolean | readonly NestedArray[];

/**
 * An element, an array of elements, an array of such arrays …: of a rank that the type doesn't know, so that it can be used
 * as each of them.
 */
export type AnyRank<Element> = Element & AnyRank<Element>[];

/** A tensor's elements in memory of JavaScript's own. */
export type Elements = Float32Array | Int32Array | Uint8Array | Uint16Array;

/** What stands in for a tensor: its elements, its shape and, where the elements don't tell it, its dtype. */
export interface TensorData {
  readonly data: Elements | NestedArray;
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

/** The name of a typed array's kind, whichever realm or subclass it is of; undefined for a DataView. */
export function arrayKind(view: ArrayBufferView): string | undefined {
  const typedArray = Object.getPrototypeOf(Uint8Array.prototype) as object;
  return Reflect.get(typedArray, Symbol.toStringTag, view) as string | undefined;
}

function readTypedArray(operation: string, prefix: string, data: ArrayBufferView, asked: DType | undefined): Source {
  const kind = arrayKind(data) ?? "DataView";
  const dtypes = DTYPES_BY_ARRAY[kind];
  if (dtypes === undefined) {
    const expected = "a Float32Array, Int32Array, Uint8Array (bool) or Uint16Array (bits of 16-bit floats)";
    throw typeError(operation, `${prefix}data`, expected, data);
  }
  if (isDetached(data.buffer)) {
    const reason = "transferred, or a view that an allocation made stale";
    throw misuseError(operation, `${prefix}data`, `the ${kind} is detached: ${reason}`);
  }
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

/** The lengths along the first branch. */
function nestedShape(operation: string, name: string, data: NestedArray): Shape {
  const branch: NestedArray[] = [];
  for (let value: unknown = data; Array.isArray(value); value = value[0]) {
    if (branch.includes(value)) throw shapeError(operation, name, "nested arrays of finite depth", data);
    branch.push(value);
  }
  return branch.map((value) => (value as readonly NestedArray[]).length);
}

/** The numbers or booleans of nested arrays, in order. */
export function readLeaves(
  operation: string,
  name: string,
  data: NestedArray,
): { readonly leaves: readonly (number | boolean)[]; readonly shape: Shape } {
  const shape = nestedShape(operation, name, data);
  const leaves: (number | boolean)[] = [];
  const visit = (value: unknown, axis: number): void => {
    const length = Array.isArray(value) ? value.length : undefined;
    if (length !== shape[axis]) {
      const expected = axis < shape.length ? `an array of ${shape[axis]}, like its neighbours,` : "a number or boolean";
      throw shapeError(operation, name, `${expected} at depth ${axis}`, value);
    }
    if (Array.isArray(value)) for (const item of value) visit(item, axis + 1);
    else if (typeof value === "number" || typeof value === "boolean") leaves.push(value);
    else throw typeError(operation, name, "numbers or booleans", value);
  };
  visit(data, 0);
  const kind = typeof (leaves[0] ?? 0);
  const stranger = leaves.find((leaf) => typeof leaf !== kind);
  if (stranger !== undefined) throw typeError(operation, name, `${kind}s only`, stranger);
  return { leaves, shape: checkShape(operation, name, shape) };
}

function readNested(operation: string, prefix: string, data: NestedArray, asked: DType | undefined): Source {
  const { leaves, shape } = readLeaves(operation, `${prefix}data`, data);
  const isBoolean = typeof leaves[0] === "boolean";
  const dtype = asked ?? (isBoolean ? "bool" : "float32");
  if (isBoolean && dtype !== "bool") throw typeError(operation, `${prefix}dtype`, "bool for booleans", dtype);
  const unfit = dtype === "int32" ? leaves.find((leaf) => leaf !== (Number(leaf) | 0)) : undefined;
  if (unfit !== undefined) throw rangeError(operation, `${prefix}data`, "integers of 32 bits", unfit);
  const storedAs = isHalf(dtype) ? "float32" : dtype;
  const elements = elementsOf(storedAs, leaves.length);
  leaves.forEach((leaf, index) => {
    elements[index] = storedAs === "bool" ? Number(Boolean(leaf)) : Number(leaf);
  });
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
  if (ArrayBuffer.isView(data)) source = readTypedArray(operation, prefix, data, asked);
  else if (Array.isArray(data) || typeof data === "number" || typeof data === "boolean") {
    source = readNested(operation, prefix, data, asked);
  } else throw typeError(operation, `${prefix}data`, "a typed array or nested arrays of numbers", data);
  if (shape === undefined) return source;
  return { ...source, shape: checkCount(operation, `${prefix}shape`, shape, source.elements.length) };
}

/** As `readSource`, for what must have a shape: a tensor of another library has data too, but calls its shape otherwise. */
export function readTensorData(operation: string, prefix: string, { data, shape, dtype }: TensorData): Source {
  return readSource(operation, prefix, data, checkShape(operation, `${prefix}shape`, shape), dtype);
}
