/** Random operands of the layers around attention, the same ones every time. */
import fc from "fast-check";
import { Tensor, type TensorLike } from "../../ts/entry/default.js";
import { encode16, type FloatType, widen } from "../oracle/half.js";
import { philox4x32 } from "../oracle/philox.js";

/** An operand as operations take it, and as numbers. */
export interface LayerOperand {
  readonly dtype: FloatType;
  readonly shape: readonly number[];
  readonly data: Float32Array | Uint16Array;
  /** What the elements stand for, exactly. */
  readonly values: Float64Array;
}

export const count = (shape: readonly number[]): number => shape.reduce((product, size) => product * size, 1);

/** Numbers as an operand, rounded to its dtype. */
export function operandOf(dtype: FloatType, shape: readonly number[], numbers: ArrayLike<number>): LayerOperand {
  const data = dtype === "float32" ? Float32Array.from(numbers) : encode16(dtype, numbers);
  return { dtype, shape, data, values: widen(dtype, data) };
}

/** About normal numbers of this amplitude (sums of four uniform ones). */
export function randomOperand(seed: number, dtype: FloatType, shape: readonly number[], amplitude = 1): LayerOperand {
  const numbers = Float64Array.from({ length: count(shape) }, (_, index) => {
    const words = philox4x32([index, 0, 0, 0], [seed, 0]);
    return amplitude * (words.reduce((sum, word) => sum + word / 2 ** 32, 0) - 2) * Math.sqrt(3);
  });
  return operandOf(dtype, shape, numbers);
}

/** The operand as a tensor, or as what stands for one. */
export const given = ({ data, shape, dtype }: LayerOperand, isTensor: boolean): TensorLike =>
  isTensor ? Tensor.from(data, shape, dtype) : { data, shape, dtype };

export const floatTypes = fc.constantFrom<FloatType>("float32", "float16", "bfloat16");

/** Sizes on and beside the kernels' tiles (4 lanes, 6 × 8 tiles, 16 running sums, blocks of 96 rows), and 0. */
export const layerSizes = fc.oneof(
  { weight: 1, arbitrary: fc.constant(0) },
  { weight: 8, arbitrary: fc.integer({ min: 1, max: 9 }) },
  { weight: 6, arbitrary: fc.constantFrom(12, 13, 15, 16, 17, 19, 23, 24, 25, 31, 32, 33) },
  { weight: 2, arbitrary: fc.constantFrom(63, 64, 65, 95, 96, 97, 128, 193) },
);

/** Axes before the one that matters; few elements. */
export const leadingAxes = fc.array(fc.constantFrom(0, 1, 1, 2, 2, 3, 4, 5), { maxLength: 3 });

export const dataSeeds = fc.integer({ min: 0, max: 2 ** 31 });
