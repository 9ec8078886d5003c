/** LoRA in float64. */
import { linear } from "./linear.js";

type Values = ArrayLike<number>;

/** The sizes of a linear layer with an adapter of rank r: W [outFeatures, inFeatures], A [r, inFeatures], B [outFeatures, r]. */
export interface LoraSizes {
  readonly rows: number;
  readonly inFeatures: number;
  readonly outFeatures: number;
  readonly r: number;
}

export interface LoraOperands {
  /** [rows, inFeatures] */
  readonly x: Values;
  /** drop(x) */
  readonly dropped: Values;
  readonly w: Values;
  readonly b: Values;
  readonly bias: Values | undefined;
  readonly a: Values;
  readonly scaling: number;
}

const product = (x: Values, y: Values, rows: number, inner: number, columns: number): Float64Array => {
  const result = new Float64Array(rows * columns);
  for (let row = 0; row < rows; row++) {
    for (let k = 0; k < inner; k++) {
      for (let column = 0; column < columns; column++) {
        result[row * columns + column] += x[row * inner + k] * y[k * columns + column];
      }
    }
  }
  return result;
};

const transposed = (x: Values, rows: number, columns: number): Float64Array =>
  Float64Array.from({ length: rows * columns }, (_, at) => x[(at % rows) * columns + Math.floor(at / rows)]);

const scaled = (x: Float64Array, factor: number): Float64Array => x.map((value) => factor * value);

const sum = (x: Float64Array, y: Float64Array): Float64Array => x.map((value, at) => value + y[at]);

/** W + s·B·A */
export const mergedWeight = (
  { w, a, b, scaling }: Pick<LoraOperands, "w" | "a" | "b" | "scaling">,
  { inFeatures, outFeatures, r }: Omit<LoraSizes, "rows">,
): Float64Array => sum(Float64Array.from(w), scaled(product(b, a, outFeatures, r, inFeatures), scaling));

/** x·Wᵀ + bias + s·(drop(x)·Aᵀ)·Bᵀ */
export function lora({ x, dropped, w, bias, a, b, scaling }: LoraOperands, sizes: LoraSizes): Float64Array {
  const { rows, inFeatures, outFeatures, r } = sizes;
  const low = linear(dropped, a, undefined, rows, inFeatures, r);
  const added = scaled(linear(low, b, undefined, rows, r, outFeatures), scaling);
  return sum(linear(x, w, bias, rows, inFeatures, outFeatures), added);
}

/** The gradients of A, s·(dy·B)ᵀ·drop(x), of B, s·dyᵀ·(drop(x)·Aᵀ), and, without dropout, of x, dy·W + s·dy·B·A. */
export function loraGradients(
  dy: Values,
  { dropped, w, a, b, scaling }: LoraOperands,
  { rows, inFeatures, outFeatures, r }: LoraSizes,
): Record<"x" | "a" | "b", Float64Array> {
  const low = linear(dropped, a, undefined, rows, inFeatures, r);
  const dyB = product(dy, b, rows, outFeatures, r);
  return {
    a: scaled(product(transposed(dyB, rows, r), dropped, r, rows, inFeatures), scaling),
    b: scaled(product(transposed(dy, rows, outFeatures), low, outFeatures, rows, r), scaling),
    x: sum(product(dy, w, rows, outFeatures, inFeatures), scaled(product(dyB, a, rows, r, inFeatures), scaling)),
  };
}

/** The same of the sizes of all numbers: what an error is measured by. */
export function magnitudesOf(operands: LoraOperands): LoraOperands {
  const size = (values: Values): Float64Array => Float64Array.from(values, Math.abs);
  const { x, dropped, w, b, bias, a, scaling } = operands;
  return {
    ...{ x: size(x), dropped: size(dropped), w: size(w), b: size(b), a: size(a) },
    bias: bias && size(bias),
    scaling: Math.abs(scaling),
  };
}
