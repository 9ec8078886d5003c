import { checkBoolean } from "../arguments.js";
import { codedTypeError, misuseError, typeError } from "../errors.js";
import { hidden } from "../hidden.js";
import { requireInstance } from "../runtime/instance.js";
import { callKernel } from "../runtime/kernels.js";
import { show } from "../show.js";
import { dtypes } from "../wasm/interface.js";
import {
  type ArrayByDType,
  bytesPerElement,
  checkDType,
  type DType,
  type ElementOf,
  isFloat,
  isHalf,
} from "./dtype.js";
import { roundToOdd, widen } from "./half.js";
import { forget, register } from "./open-scopes.js";
import { type BackwardOptions, record, type RecordedInput, requireRecorder, Track } from "./recorder.js";
import { checkCount, elementCount, resolveShape, type Shape } from "./shape.js";
import {
  type AnyRank,
  type BigIntArray,
  type Elements,
  type ElementsLike,
  elementsOf,
  isTensorData,
  type NestedArray,
  readSource,
  readTensorData,
  type Source,
  type TensorData,
} from "./source.js";
import { disposedByHand, releaseWhenCollected, Storage } from "./storage.js";
import { formatElements } from "./text.js";

/** Marks the tensors of every copy of this package, so that one of another copy is told from other objects. */
const BRAND = Symbol.for("wasm-attention.Tensor");

// WebKitGTK 2.50 has no Symbol.dispose, and a method named undefined would not do.
const disposeSymbol: typeof Symbol.dispose = Symbol.dispose ?? Symbol.for("Symbol.dispose");

/** What a tensor keeps to itself. */
interface Internals {
  /** The tensor itself, where a proxy of it was asked. */
  readonly tensor: Tensor;
  readonly storage: Storage;
  isReleased: boolean;
  /** Undefined while nothing is to be differentiated. */
  track: Track | undefined;
  /** Whether the track ends with this tensor. */
  ownsTrack: boolean;
}

const internals = /* @__PURE__ */ hidden<Tensor, Internals>();

/**
 * An array of numbers of one dtype in WebAssembly memory. The memory is given back by `dispose()`, by a `scope`, or by
 * `using` where the language has it.
 *
 * It has three properties that can be enumerated, `shape`, `dtype` and `data`, so that comparisons (`assert.deepEqual`,
 * `toEqual`) find two tensors equal exactly when these are, and `structuredClone` and `postMessage` make of it
 * `{ shape, dtype, data }`, which every operation takes.
 */
export class Tensor<D extends DType = DType> {
  /** Sizes, from the slowest axis to the fastest. */
  readonly shape: Shape;
  /** What the elements are. */
  readonly dtype: D;
  /**
   * A copy of the elements, for comparisons and clones; undefined once the memory has been given back. To read elements
   * take `toArray()`, which then throws.
   */
  declare readonly data: ArrayByDType[D] | undefined;

  private constructor(storage: Storage, shape: Shape, dtype: D) {
    if (!(storage instanceof Storage)) {
      throw codedTypeError("ERR_INVALID_TYPE", "Tensor: tensors are made by Tensor.from, not by new");
    }
    this.shape = shape;
    this.dtype = dtype;
    Object.defineProperty(this, "data", dataProperty);
    internals.set(this, { tensor: this, storage, isReleased: false, track: undefined, ownsTrack: true });
    Object.freeze(this);
    releaseWhenCollected(this, storage);
    register(this);
  }

  /**
   * A tensor with a copy of the data.
   *
   * - Float32Array gives float32, Int32Array int32, Uint8Array bool (anything but 0 is true); a Uint16Array holds the
   *   bits of "float16" or "bfloat16", which must be said. Where the host has Float16Array, it gives float16.
   * - A BigInt64Array or BigUint64Array, as tokenizers give them, becomes int32, or "bool" where that is said.
   * - Nested arrays give float32 for numbers, int32 for bigints and bool for booleans.
   * - `{ data, shape, dtype? }` stands for all three arguments, and so does a tensor, which is copied.
   *
   * `shape` defaults to that of the nested arrays, to one axis for a typed array. With a 16-bit `dtype`, float32 data
   * and nested numbers are rounded once, to the nearest, ties to even; nested numbers also make "int32" and "bool", nested
   * bigints "bool".
   *
   * @param data The elements, or what stands for all three arguments.
   * @param tensor A tensor to copy, also one of another copy of this package.
   * @param shape Sizes, from the slowest axis to the fastest.
   * @param dtype What the elements become.
   * @returns A tensor of its own memory, which belongs to the open scope.
   * @throws {TypeError} for the wrong kind of data (a Float64Array among them) or a detached array.
   * @throws {RangeError} for arrays of unequal lengths, a shape of another size, an integer that int32 doesn't hold, and
   *   for lack of memory.
   * @example
   * ```js
   * import { init, Tensor } from "wasm-attention";
   *
   * await init();
   * const nested = Tensor.from([[1, 2], [3, 4]]);
   * const flat = Tensor.from(Float32Array.of(1, 2, 3, 4), [2, 2], "float16");
   * const ids = Tensor.from(BigInt64Array.of(101n, 102n));
   * console.log(nested.shape, flat.dtype, ids.dtype); // [ 2, 2 ] float16 int32
   * for (const tensor of [nested, flat, ids]) tensor.dispose();
   * ```
   */
  static from(data: Float32Array, shape?: Shape): Tensor<"float32">;
  static from(data: Int32Array | BigIntArray, shape?: Shape): Tensor<"int32">;
  static from<D extends DType>(data: ElementsLike, shape: Shape | undefined, dtype: D): Tensor<D>;
  static from<D extends DType>(tensor: Tensor<D>): Tensor<D>;
  static from(data: TensorData): Tensor;
  static from(data: ElementsLike, shape?: Shape, dtype?: DType): Tensor;
  static from(data: unknown, shape?: unknown, dtype?: unknown): Tensor {
    const operation = "Tensor.from";
    if (!isTensorData(data)) return tensorFromSource(operation, readSource(operation, "", data, shape, dtype));
    if (shape !== undefined) throw typeError(operation, "shape", "none beside { data, shape }", shape);
    if (dtype !== undefined) throw typeError(operation, "dtype", "none beside { data, shape, dtype }", dtype);
    return tensorFromSource(operation, readTensorData(operation, "data.", data));
  }

  /** Whether the memory has been given back, by `dispose` or by the end of the runtime. */
  get disposed(): boolean {
    const { isReleased, storage } = internalsOf(this);
    return isReleased || storage.fate === "gone";
  }

  /**
   * The elements where they are, in WebAssembly memory: good until the next call of anything in this package.
   *
   * @returns A typed array of the dtype; 16-bit floats are a Uint16Array of their bits, bool a Uint8Array.
   * @throws {TypeError} when the tensor has been disposed.
   * @throws {AttentionError} when the runtime has failed.
   */
  view(): ArrayByDType[D] {
    return viewOf("Tensor.view", this);
  }

  /**
   * A copy of the elements.
   *
   * @returns A typed array of the caller's own, of the same kind as `view`'s.
   * @throws {TypeError} when the tensor has been disposed.
   * @throws {AttentionError} when the runtime has failed.
   */
  toArray(): ArrayByDType[D] {
    return viewOf("Tensor.toArray", this).slice() as ArrayByDType[D];
  }

  /**
   * The elements as numbers or booleans; 16-bit floats are widened.
   *
   * @returns Nested arrays, an axis each; of a tensor of rank 0 the element.
   * @throws {TypeError} when the tensor has been disposed.
   * @throws {AttentionError} when the runtime has failed.
   */
  toNested(): AnyRank<ElementOf<D>> {
    const values = numbersOf("Tensor.toNested", this);
    const nest = (axis: number, offset: number, stride: number): NestedArray => {
      const size = this.shape[axis];
      if (size === undefined) return this.dtype === "bool" ? values[offset] !== 0 : values[offset];
      const inner = size === 0 ? 0 : stride / size;
      return Array.from({ length: size }, (_, index) => nest(axis + 1, offset + index * inner, inner));
    };
    return nest(0, 0, values.length) as AnyRank<ElementOf<D>>;
  }

  /**
   * The element of a tensor that has just one.
   *
   * @returns A number or, of a bool tensor, a boolean.
   * @throws {RangeError} for a tensor of more or fewer elements.
   * @throws {TypeError} when it has been disposed.
   * @throws {AttentionError} when the runtime has failed.
   */
  item(): ElementOf<D> {
    checkCount("Tensor.item", "this", this.shape, 1);
    const [value] = numbersOf("Tensor.item", this);
    return (this.dtype === "bool" ? value !== 0 : value) as ElementOf<D>;
  }

  /**
   * The same elements in another dtype. Floats are rounded to the nearest, ties to even. To int32, fractions are cut off,
   * what is out of range becomes the nearest end, and NaN 0. To bool, everything but 0 is true; from bool, true is 1.
   *
   * @param dtype That of the new tensor; its own makes a copy.
   * @returns A tensor of its own memory, which belongs to the open scope.
   * @throws {TypeError} for another dtype and when the tensor has been disposed.
   * @throws {RangeError} for lack of memory.
   * @throws {AttentionError} when the runtime has failed.
   */
  to<T extends DType>(dtype: T): Tensor<T> {
    checkDType("Tensor.to", "dtype", dtype);
    const converted = convert(this, dtype);
    // Other dtypes carry no gradient.
    if (isFloat(dtype) && isFloat(this.dtype)) recordView("to", this, converted);
    return converted;
  }

  /**
   * The same elements in another shape.
   *
   * @param shape Sizes, of which one may be -1: what the others leave.
   * @returns A tensor that shares the memory, which is given back when both are disposed.
   * @throws {RangeError} when the number of elements differs.
   * @throws {TypeError} for anything but a shape and when the tensor has been disposed.
   * @throws {AttentionError} when the runtime has failed.
   */
  reshape(shape: Shape): Tensor<D> {
    requireUsable("Tensor.reshape", "this", this);
    const resolved = resolveShape("Tensor.reshape", "shape", shape, elementCount(this.shape));
    const reshaped = makeTensor(storageOf(this).retain(), resolved, this.dtype);
    recordView("reshape", this, reshaped);
    return reshaped;
  }

  /**
   * The same tensor without its history: nothing that is computed from it reaches what it was computed from.
   *
   * @returns A tensor that shares the memory and requires no gradients.
   * @throws {TypeError} when the tensor has been disposed.
   * @throws {AttentionError} when the runtime has failed.
   */
  detach(): Tensor<D> {
    requireUsable("Tensor.detach", "this", this);
    return makeTensor(storageOf(this).retain(), this.shape, this.dtype);
  }

  /**
   * Whether gradients flow to the tensor: of what is computed from others, whether one of them requires gradients. It can be
   * set for leaves, which are computed from nothing, as parameters and what `Tensor.from` makes; to true only with
   * "wasm-attention/train" imported, which records what is computed.
   *
   * @throws {TypeError} for true without that import, for anything but a boolean, for an int32 or bool tensor, for one that is
   *   no leaf, and when it has been disposed.
   */
  get requiresGrad(): boolean {
    return internalsOf(this).track?.requiresGrad ?? false;
  }

  set requiresGrad(value: boolean) {
    const operation = "Tensor.requiresGrad";
    checkBoolean(operation, "value", value);
    requireUsable(operation, "this", this);
    if (trackOf(this)?.origin !== undefined) {
      throw misuseError(operation, "this", "is computed from other tensors, which decide: take detach()");
    }
    if (value) {
      requireRecorder(operation);
      if (!isFloat(this.dtype)) throw typeError(operation, "this", "float32, float16 or bfloat16", this.dtype);
    }
    setRequiresGrad(this, value);
  }

  /**
   * The gradient: float32, of this tensor's shape; null before the first `backward` and after `zeroGrad`. Each `backward` adds to
   * it. It is disposed together with the tensor, or by `zeroGrad`. Tensors that are computed from others have one only after
   * `retainGrad`.
   */
  get grad(): Tensor<"float32"> | null {
    return internalsOf(this).track?.grad ?? null;
  }

  /**
   * Disposes the gradient, which becomes null.
   *
   * @throws {AttentionError} when the runtime has failed.
   */
  zeroGrad(): void {
    internalsOf(this).track?.zeroGrad();
  }

  /**
   * Lets a tensor that is computed from others keep its gradient, too. For leaves nothing changes.
   *
   * @throws {TypeError} without the import of "wasm-attention/train", when the tensor requires no gradients, and when it has
   *   been disposed.
   */
  retainGrad(): void {
    requireUsable("Tensor.retainGrad", "this", this);
    requireRecorder("Tensor.retainGrad");
    const track = trackOf(this);
    if (track?.requiresGrad !== true) throw misuseError("Tensor.retainGrad", "this", "requires no gradients");
    track.retainsGrad = true;
  }

  /**
   * Adds the gradient of this tensor to the `grad` of every leaf that it was computed from: reverse-mode differentiation, with
   * sums in a fixed order. What has been saved for it is freed on the way. Nothing has changed when it throws.
   *
   * @example
   * ```js
   * import { init, softmax, Tensor } from "wasm-attention";
   * import "wasm-attention/train";
   *
   * await init();
   * const logits = Tensor.from([1, 2, 3]);
   * logits.requiresGrad = true;
   * softmax(logits).backward(Tensor.from([1, 0, 0]));
   * console.log(logits.grad?.shape); // [3]
   * ```
   *
   * @param gradient That of the result with respect to this tensor, of its shape and of any float dtype. Default: 1, for a
   *   tensor of one element.
   * @param options Whether the graph is kept.
   * @throws {TypeError} without the import of "wasm-attention/train", when the tensor requires no gradients, after an earlier
   *   `backward` without `retainGraph`, when a tensor that was saved has been changed since, and when it has been disposed.
   * @throws {RangeError} without a gradient for more or fewer elements than one, for a gradient of another shape, and for lack
   *   of memory.
   */
  backward(gradient?: Tensor, options?: BackwardOptions): void {
    requireRecorder("Tensor.backward").backward("Tensor.backward", [this], [gradient], options);
  }

  /**
   * What `JSON.stringify` writes. JSON has no NaN and no infinities.
   *
   * @returns The elements as plain numbers, with shape and dtype: `Tensor.from` takes it back.
   * @throws {TypeError} when the tensor has been disposed.
   * @throws {AttentionError} when the runtime has failed.
   */
  toJSON(): { data: number[]; shape: Shape; dtype: D } {
    return { data: Array.from(numbersOf("Tensor.toJSON", this)), shape: this.shape, dtype: this.dtype };
  }

  /**
   * A text for people.
   *
   * @returns The dtype, the shape and the elements, of long axes the ends alone; of a disposed tensor that it is.
   */
  toString(): string {
    const head = `Tensor ${this.dtype} ${show(this.shape)}`;
    if (this.disposed || storageOf(this).fate === "failed") return `${head} (disposed)`;
    const view: Elements = viewOf("Tensor.toString", this);
    const elements = formatElements(this.shape, (index) => {
      const [value] = plainNumbers(this.dtype, view.subarray(index, index + 1));
      return this.dtype === "bool" ? String(value !== 0) : String(Number(value.toPrecision(6)));
    });
    return `${head}${this.shape.length < 2 ? " " : "\n"}${elements}`;
  }

  /** Gives the memory back. Using the tensor afterwards throws a TypeError; disposing it again does nothing. */
  dispose(): void {
    const own = internalsOf(this);
    if (own.isReleased) return;
    own.isReleased = true;
    disposedByHand(own.tensor);
    forget(own.tensor);
    own.storage.release();
    if (own.ownsTrack) own.track?.release();
  }

  /** `dispose`, for `using`. */
  [disposeSymbol](): void {
    this.dispose();
  }
}

/**
 * Of the tensor, not of its prototype: only own properties are compared and cloned. It never throws, since development
 * tools read every property that they find: React's lists those of a component's former props, too.
 */
const dataProperty: PropertyDescriptor & ThisType<Tensor> = {
  enumerable: true,
  get() {
    const { isReleased, storage } = internalsOf(this);
    return isReleased || storage.fate !== "running" ? undefined : this.toArray();
  },
};

// Here, not as members: declarations show members.
Object.defineProperties(Tensor.prototype, {
  [BRAND]: { value: true },
  [Symbol.toStringTag]: { value: "Tensor" },
  [Symbol.for("nodejs.util.inspect.custom")]: {
    value(this: Tensor) {
      return this.toString();
    },
  },
});

// Not in the class, as a class that names itself gets another name from bundlers.
function makeTensor<D extends DType>(storage: Storage, shape: Shape, dtype: D): Tensor<D> {
  return new (Tensor as unknown as new (...content: unknown[]) => Tensor<D>)(storage, shape, dtype);
}

/** What a tensor of this copy of the package keeps to itself. Throws a TypeError for what only has its methods. */
function internalsOf(tensor: Tensor): Internals {
  const own = internals.get(tensor);
  if (own === undefined) throw typeError("Tensor", "this", "a Tensor", tensor);
  return own;
}

const storageOf = (tensor: Tensor): Storage => internalsOf(tensor).storage;

/** What a tensor is to differentiation; undefined where nothing has asked. */
export const trackOf = (tensor: Tensor): Track | undefined => internalsOf(tensor).track;

/** Gives a tensor that has none a track: its own, which ends with it, or another's. */
export function setTrack(tensor: Tensor, track: Track, isOwn = true): void {
  Object.assign(internalsOf(tensor), { track, ownsTrack: isOwn });
}

/** Sets whether gradients flow to a leaf. */
export function setRequiresGrad(tensor: Tensor, value: boolean): void {
  const own = internalsOf(tensor);
  if (own.track !== undefined) own.track.requiresGrad = value;
  else if (value) own.track = new Track(true, tensor.shape);
}

/** A tensor that shares another's memory and belongs to no scope. */
export function shareTensor<D extends DType>(tensor: Tensor<D>, shape = tensor.shape): Tensor<D> {
  const shared = makeTensor(storageOf(tensor).retain(), shape, tensor.dtype);
  forget(shared);
  return shared;
}

/** Whether other tensors share the memory. */
export const isShared = (tensor: Tensor): boolean => storageOf(tensor).isShared;

function recordView(rule: string, tensor: Tensor, view: Tensor): void {
  const { shape, dtype } = tensor;
  const input: RecordedInput = { argument: "this", shape, dtype, content: tensor };
  record(rule, [input], [view], undefined);
}

/** Whether a value is a tensor of this copy of the package, or a proxy of one. */
export const isTensor = (value: unknown): value is Tensor => internals.get(value) !== undefined;

/** The tensor itself, of a proxy of it. */
export const rawTensor = (value: unknown): Tensor | undefined => internals.get(value)?.tensor;

/** Throws a TypeError for a tensor of another copy of the package. */
export function refuseForeignTensor(operation: string, argument: string, value: unknown): void {
  if (typeof value !== "object" || value === null || !(BRAND in value) || isTensor(value)) return;
  throw codedTypeError(
    "ERR_FOREIGN_TENSOR",
    `${operation}: ${argument}: the tensor is of another copy of wasm-attention (another version, or import beside ` +
      `require), whose memory is out of reach: pass a copy, Tensor.from(tensor)`,
  );
}

/** A new tensor with arbitrary content, which belongs to the innermost scope. */
export function createTensor<D extends DType>(operation: string, shape: Shape, dtype: D): Tensor<D> {
  const storage = new Storage(operation, elementCount(shape) * bytesPerElement[dtype]);
  return makeTensor(storage, shape, dtype);
}

/** Throws unless the tensor's memory can be used: a TypeError when it was disposed, an AttentionError when it failed. */
export function requireUsable(operation: string, argument: string, tensor: Tensor): void {
  const { fate } = storageOf(tensor);
  if (fate === "failed") requireInstance(operation);
  if (!tensor.disposed) return;
  const reason = fate === "gone" ? "belongs to a runtime that has been disposed or replaced" : "has been disposed";
  throw codedTypeError("ERR_DISPOSED", `${operation}: ${argument}: the ${show(tensor)} ${reason}`);
}

/** Where a tensor's elements are in the WebAssembly memory. Throws unless they can be used. */
export function pointerOf(tensor: Tensor, operation = "Tensor", argument = "tensor"): number {
  requireUsable(operation, argument, tensor);
  return storageOf(tensor).pointer;
}

/** A number that every operation raises that gives a tensor other elements in place. Writes through a `view` don't. */
export const versionOf = (tensor: Tensor): number => storageOf(tensor).version;

/** Tells what was derived from a tensor's elements that they have changed. */
export function markChanged(tensor: Tensor): void {
  storageOf(tensor).version += 1;
}

/** A new tensor with a copy of elements, in the dtype that they are in. */
function tensorFromElements(operation: string, shape: Shape, dtype: DType, elements: Elements): Tensor {
  const tensor = createTensor(operation, shape, dtype);
  const target: Elements = tensor.view();
  if (dtype === "bool") elements.forEach((value, index) => (target[index] = Number(value !== 0)));
  else target.set(elements);
  return tensor;
}

/** A new tensor of checked content, converted where the dtype asks for it. */
export function tensorFromSource(operation: string, { shape, dtype, storedAs, elements }: Source): Tensor {
  const tensor = tensorFromElements(operation, shape, storedAs, elements);
  if (dtype === storedAs) return tensor;
  try {
    return convert(tensor, dtype);
  } finally {
    tensor.dispose();
  }
}

/** Elements as numbers: 16-bit floats widened. */
export const plainNumbers = (dtype: DType, elements: Elements): Float32Array | Int32Array | Uint8Array =>
  isHalf(dtype) ? widen(elements as Uint16Array, dtype) : (elements as Float32Array);

/** A tensor's elements as numbers, exactly. */
export const numbersOf = (operation: string, tensor: Tensor): Float32Array | Int32Array | Uint8Array =>
  plainNumbers(tensor.dtype, viewOf(operation, tensor));

function viewOf<D extends DType>(operation: string, tensor: Tensor<D>): ArrayByDType[D] {
  const pointer = pointerOf(tensor, operation, "this");
  const { memory } = requireInstance(operation);
  return elementsOf(tensor.dtype, memory.buffer, pointer, elementCount(tensor.shape));
}

/** The integer nearest to zero's side, within 32 bits; NaN gives 0. */
const toInt32 = (value: number): number => Math.max(-(2 ** 31), Math.min(2 ** 31 - 1, value)) | 0;

function convert<T extends DType>(source: Tensor, dtype: T): Tensor<T> {
  const operation = "Tensor.to";
  const from = source.dtype;
  const pointer = pointerOf(source, operation, "this");
  if (!isFloat(from) && isHalf(dtype)) {
    // Rounded to odd, so that the kernel's rounding is the only one.
    const elements = roundToOdd(numbersOf(operation, source));
    return tensorFromSource(operation, { elements, storedAs: "float32", dtype, shape: source.shape }) as Tensor<T>;
  }
  // Kernels convert 16 bits from and to float32 alone.
  if (from !== dtype && (isHalf(from) || isHalf(dtype)) && from !== "float32" && dtype !== "float32") {
    const wide = convert(source, "float32");
    try {
      return convert(wide, dtype);
    } finally {
      wide.dispose();
    }
  }
  const target = createTensor(operation, source.shape, dtype);
  const length = elementCount(source.shape);
  if (from !== dtype && isFloat(from) && isFloat(dtype)) {
    callKernel(operation, (kernels) =>
      kernels.convert(pointerOf(target), pointer, length, dtypes[dtype], dtypes[from]),
    );
    return target;
  }
  const values: Elements = viewOf(operation, source);
  const converted: Elements = target.view();
  if (dtype === "bool") values.forEach((value, index) => (converted[index] = Number(value !== 0)));
  else if (dtype === "int32") values.forEach((value, index) => (converted[index] = toInt32(value)));
  else converted.set(values);
  return target;
}
