/** IEEE 754 binary16 and bfloat16 as bits, from and to float64, rounded once, to nearest even. */

interface SmallFormat {
  /** Bits of the mantissa that are stored. */
  readonly mantissaBits: number;
  /** Exponents of the smallest and the largest normal number. */
  readonly minimumExponent: number;
  readonly maximumExponent: number;
  readonly canonicalNaN: number;
}

const FLOAT16: SmallFormat = { mantissaBits: 10, minimumExponent: -14, maximumExponent: 15, canonicalNaN: 0x7e00 };
const BFLOAT16: SmallFormat = { mantissaBits: 7, minimumExponent: -126, maximumExponent: 127, canonicalNaN: 0x7fc0 };

/** Math.round rounds halves up; IEEE rounds them to the even neighbour. The argument is not negative. */
function roundHalfToEven(value: number): number {
  const floor = Math.floor(value);
  const rest = value - floor;
  if (rest > 0.5 || (rest === 0.5 && floor % 2 === 1)) {
    return floor + 1;
  }
  return floor;
}

function exponentOf(magnitude: number): number {
  // Math.log2 may be off by one beside a power of two.
  let exponent = Math.floor(Math.log2(magnitude));
  if (2 ** exponent > magnitude) {
    exponent -= 1;
  } else if (2 ** (exponent + 1) <= magnitude) {
    exponent += 1;
  }
  return exponent;
}

function toBits(value: number, format: SmallFormat): number {
  if (Number.isNaN(value)) {
    return format.canonicalNaN;
  }
  const sign = value < 0 || Object.is(value, -0) ? 0x8000 : 0;
  const magnitude = Math.abs(value);
  const { mantissaBits, minimumExponent, maximumExponent } = format;
  const infinity = (maximumExponent - minimumExponent + 2) << mantissaBits;
  if (magnitude === Infinity) {
    return sign | infinity;
  }
  if (magnitude === 0) {
    return sign;
  }
  const exponent = Math.max(exponentOf(magnitude), minimumExponent);
  // Two exact scalings by powers of two: one alone could leave the range of float64.
  const units = roundHalfToEven(magnitude * 2 ** -exponent * 2 ** mantissaBits);
  // A carry out of the mantissa runs into the exponent, as it should; a subnormal has no leading one to take off.
  const bits = ((exponent - minimumExponent) << mantissaBits) + units;
  return sign | Math.min(bits, infinity);
}

function fromBits(bits: number, format: SmallFormat): number {
  const { mantissaBits, minimumExponent, maximumExponent } = format;
  const sign = bits & 0x8000 ? -1 : 1;
  const biased = (bits & 0x7fff) >> mantissaBits;
  const mantissa = bits & ((1 << mantissaBits) - 1);
  if (biased === maximumExponent - minimumExponent + 2) {
    return mantissa === 0 ? sign * Infinity : NaN;
  }
  if (biased === 0) {
    return sign * mantissa * 2 ** (minimumExponent - mantissaBits);
  }
  return sign * (mantissa + 2 ** mantissaBits) * 2 ** (biased - 1 + minimumExponent - mantissaBits);
}

export const float16Bits = (value: number): number => toBits(value, FLOAT16);
export const float16Value = (bits: number): number => fromBits(bits, FLOAT16);
export const bfloat16Bits = (value: number): number => toBits(value, BFLOAT16);
export const bfloat16Value = (bits: number): number => fromBits(bits, BFLOAT16);

export type FloatType = "float32" | "float16" | "bfloat16";

/** The nearest number that the type can hold. */
export function roundTo(dtype: FloatType, value: number): number {
  switch (dtype) {
    case "float32":
      return Math.fround(value);
    case "float16":
      return float16Value(float16Bits(value));
    case "bfloat16":
      return bfloat16Value(bfloat16Bits(value));
  }
}

/** Numbers as the bits that a 16-bit tensor stores. */
export function encode16(dtype: "float16" | "bfloat16", values: ArrayLike<number>): Uint16Array {
  return Uint16Array.from(values, dtype === "float16" ? float16Bits : bfloat16Bits);
}

/** What a tensor's array holds (bits, for the 16-bit types) as numbers. */
export function widen(dtype: FloatType, stored: ArrayLike<number>): Float64Array {
  switch (dtype) {
    case "float32":
      return Float64Array.from(stored);
    case "float16":
      return Float64Array.from(stored, float16Value);
    case "bfloat16":
      return Float64Array.from(stored, bfloat16Value);
  }
}
