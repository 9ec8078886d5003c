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
