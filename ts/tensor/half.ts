const SMALLEST_FLOAT16 = 5.9604644775390625e-8;

/** 16-bit floats, given as bits, widened exactly. For what is shown or read one by one; kernels have their own. */
export function widen(bits: Uint16Array, dtype: "float16" | "bfloat16"): Float32Array {
  const values = new Float32Array(bits.length);
  const words = new Uint32Array(values.buffer);
  bits.forEach((half, index) => {
    if (dtype === "bfloat16") {
      words[index] = half << 16;
      return;
    }
    const sign = (half & 0x8000) << 16;
    const exponent = (half >> 10) & 0x1f;
    const fraction = half & 0x3ff;
    if (exponent === 0) values[index] = (sign === 0 ? fraction : -fraction) * SMALLEST_FLOAT16;
    else words[index] = sign | ((exponent === 0x1f ? 0xff : exponent + 112) << 23) | (fraction << 13);
  });
  return values;
}

/**
 * Numbers as float32, rounded to odd: exact where that can be, else the one of the two neighbours whose last bit is 1.
 * What is rounded from there to 16 bits, to the nearest, is rounded as if from the number itself, whereas the nearest
 * float32 may lie on a tie that the number doesn't. (Boldo and Melquiond 2008, "Emulation of FMA and correctly rounded
 * sums: proved algorithms using rounding to odd".)
 */
export function roundToOdd(numbers: ArrayLike<number>): Float32Array<ArrayBuffer> {
  const rounded = Float32Array.from(numbers);
  const words = new Uint32Array(rounded.buffer);
  rounded.forEach((nearest, index) => {
    const value = numbers[index];
    // An even last bit of what isn't exact: the odd neighbour lies on the other side of the number. That of infinity is
    // the largest finite number, that of zero the smallest subnormal of its sign.
    if (nearest !== value && words[index] % 2 === 0) words[index] += Math.abs(nearest) > Math.abs(value) ? -1 : 1;
  });
  return rounded;
}
