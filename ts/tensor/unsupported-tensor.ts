import { rangeError, typeError } from "../errors.js";
import { checkDType, type DType, isFloat, isHalf } from "./dtype.js";
import { roundToOdd, widen } from "./half.js";
import { checkShape, type Shape } from "./shape.js";
import type { Elements } from "./source.js";
import { type Tensor, tensorFromSource } from "./tensor.js";

const OPERATION = "UnsupportedTensor.to";

/** From here on a number is rounded to infinity. */
const OVERFLOWS = { float32: 2 ** 128 - 2 ** 103, float16: 65520, bfloat16: 2 ** 128 - 2 ** 119 } as const;

/** 8-bit floats by their bytes, as float16 has them: E5M2 is its upper half; E4M3's exponent has one bit less. */
const float8 = (toFloat16: (byte: number) => number) => (buffer: ArrayBuffer) => {
  const table = widen(
    Uint16Array.from({ length: 256 }, (_, byte) => toFloat16(byte)),
    "float16",
  );
  return Float32Array.from(new Uint8Array(buffer), (byte) => table[byte]);
};

/** The elements of the formats that can be converted. */
const READERS: Readonly<Record<string, (buffer: ArrayBuffer) => ArrayLike<number | bigint>>> = {
  I8: (buffer) => new Int8Array(buffer),
  U8: (buffer) => new Uint8Array(buffer),
  I16: (buffer) => new Int16Array(buffer),
  U16: (buffer) => new Uint16Array(buffer),
  U32: (buffer) => new Uint32Array(buffer),
  I64: (buffer) => new BigInt64Array(buffer),
  U64: (buffer) => new BigUint64Array(buffer),
  F64: (buffer) => new Float64Array(buffer),
  F8_E4M3: (buffer) =>
    // The exponent's bias is 8 less than float16's. There is no infinity, and one NaN of each sign.
    float8((byte) => ((byte & 0x7f) === 0x7f ? 0x7e00 : ((byte & 0x80) << 8) | ((byte & 0x7f) << 7)))(buffer).map(
      (value) => value * 2 ** 8,
    ),
  F8_E5M2: float8((byte) => byte << 8),
};

/** As float64; an integer that it doesn't hold is rounded to odd, so that it can be rounded further as if from itself. */
function toFloat64(value: number | bigint): number {
  const nearest = Number(value);
  if (typeof value === "number" || Number.isSafeInteger(nearest)) return nearest;
  // 53 bits of the 64.
  const rest = value & 0x7ffn;
  return Number((value >> 11n) | BigInt(rest !== 0n)) * 2 ** 11;
}

/** Whether a dtype has no number that one could be rounded to, or for int32 cut to. */
function isOutside(dtype: DType, number: number): boolean {
  if (isFloat(dtype)) return Number.isFinite(number) && Math.abs(number) >= OVERFLOWS[dtype];
  return dtype === "int32" && Math.trunc(number) !== (number | 0);
}

/**
 * A tensor of a file whose dtype this package doesn't compute with (float64, 64-bit integers, 8-bit floats …): it can be
 * listed, read as bytes, converted by `to` and saved again. Every operation refuses it with a TypeError.
 */
export class UnsupportedTensor {
  /** The dtype by the file format's name, such as "I64". */
  readonly dtype: string;
  readonly shape: Shape;
  /** The elements, row-major and little-endian. */
  readonly bytes: Uint8Array;

  constructor(dtype: string, shape: Shape, bytes: Uint8Array) {
    this.dtype = dtype;
    this.shape = Object.freeze([...shape]);
    this.bytes = bytes;
    Object.freeze(this);
  }

  get [Symbol.toStringTag](): string {
    return "UnsupportedTensor";
  }

  /**
   * A tensor of a dtype that is computed with, from I8, U8, I16, U16, U32, I64, U64, F64, F8_E4M3 and F8_E5M2. Floats are
   * exact, or rounded once to the nearest, ties to even; infinities and NaN stay. To int32, fractions are cut off. To bool,
   * everything but 0 is true. This entry stays as it is.
   *
   * @param dtype That of the new tensor.
   * @returns A tensor of the same shape, which belongs to the open scope.
   * @throws {TypeError} for other formats.
   * @throws {RangeError} for a number that the dtype can't hold (finite ones that would become infinite, integers of more
   *   than 32 bits, and to int32 also infinities and NaN) and for lack of memory.
   */
  to<D extends DType>(dtype: D): Tensor<D> {
    checkDType(OPERATION, "dtype", dtype);
    const read = Object.hasOwn(READERS, this.dtype) ? READERS[this.dtype] : undefined;
    if (read === undefined) throw typeError(OPERATION, "this", `one of ${Object.keys(READERS).join(", ")}`, this.dtype);
    const shape = checkShape(OPERATION, "this.shape", this.shape);
    const values = read(this.bytes.slice().buffer);
    const numbers = Float64Array.from(values, toFloat64);
    numbers.forEach((number, index) => {
      if (!isOutside(dtype, number)) return;
      throw rangeError(OPERATION, `this, element ${index}`, `a number within the range of ${dtype}`, values[index]);
    });
    let elements: Elements;
    if (dtype === "bool") elements = Uint8Array.from(numbers, (number) => Number(number !== 0));
    else if (dtype === "int32") elements = Int32Array.from(numbers);
    else elements = isHalf(dtype) ? roundToOdd(numbers) : Float32Array.from(numbers);
    const storedAs = isHalf(dtype) ? "float32" : dtype;
    return tensorFromSource(OPERATION, { elements, storedAs, dtype, shape }) as Tensor<D>;
  }

  /** Does nothing, as there is no WebAssembly memory to give back; so that it can be treated as a tensor's. */
  dispose(): void {}
}
