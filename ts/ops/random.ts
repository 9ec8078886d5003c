import { checkNumber, checkOptions, checkSeed } from "../arguments.js";
import { rangeError, typeError } from "../errors.js";
import type { Kernels } from "../runtime/build.js";
import { float32View } from "../runtime/memory.js";
import { bytesPerElement, checkDType, type FloatDType, isFloat } from "../tensor/dtype.js";
import { checkShape, elementCount, type Shape } from "../tensor/shape.js";
import type { Tensor } from "../tensor/tensor.js";
import { runCall } from "./call.js";

/** What all random operations take. */
interface RandomOptions<D extends FloatDType> {
  /**
   * An integer from 0 to 2^53 − 1, or a bigint from 0 to 2^64 − 1: the result depends on it alone, and the package's
   * generator stays as it is. Default: the numbers are the generator's next ones.
   */
  seed?: number | bigint;
  /** Numbers are drawn in float32 and rounded. Default: "float32". */
  dtype?: D;
}

/** Options of `rand`. */
export interface RandOptions<D extends FloatDType = "float32"> extends RandomOptions<D> {
  /** The least number. Default: 0. */
  low?: number;
  /** What the numbers stay below, at least `low`. Default: 1. */
  high?: number;
}

/** Options of `randn`. */
export interface RandnOptions<D extends FloatDType = "float32"> extends RandomOptions<D> {
  /** Default: 0. */
  mean?: number;
  /** At least 0. Default: 1. */
  standardDeviation?: number;
}

/** A place in the stream of random numbers that a seed stands for. */
export interface Position {
  readonly seed: { readonly low: number; readonly high: number };
  /** How many numbers come before. */
  offset: number;
}

const DEFAULT_SEED = 0;
const WORD = 2 ** 32;

/** Where the package's own generator stands. It belongs to the package, not to a runtime. */
let generator: Position = { seed: checkSeed("manualSeed", "seed", DEFAULT_SEED), offset: 0 };

/**
 * Starts the package's generator anew: what `rand` and `randn` without a seed, dropout without a seed and the parameters
 * of new layers draw from. The same seed and the same calls give the same numbers on every host.
 *
 * The generator starts with the seed 0, so a program that never calls this draws the same numbers each time it runs. It
 * is one for the package and goes on over `runtime.dispose()` and a new `init()`.
 *
 * @param seed An integer from 0 to 2^53 − 1, or a bigint from 0 to 2^64 − 1.
 * @throws {TypeError} for anything but those kinds.
 * @throws {RangeError} for other values.
 */
export function manualSeed(seed: number | bigint): void {
  generator = { seed: checkSeed("manualSeed", "seed", seed), offset: 0 };
}

/** Where the package's generator stands. */
export const generatorPosition = (): Position => ({ ...generator });

/** Moves the package's generator to a position. */
export function setGeneratorPosition(position: Position): void {
  generator = { ...position };
}

/** Runs `fn` with the generator at a position, from which it returns to where it was. */
export function atPosition<R>(position: Position, fn: () => R): R {
  const before = generator;
  setGeneratorPosition(position);
  try {
    return fn();
  } finally {
    generator = before;
  }
}

type Words = [seedLow: number, seedHigh: number, offsetLow: number, offsetHigh: number];

/** Draws `length` numbers at a position, which moves on when they have been drawn. */
function draw(position: Position, length: number, fill: (words: Words) => void): void {
  const { seed, offset } = position;
  fill([seed.low, seed.high, offset % WORD, Math.floor(offset / WORD)]);
  position.offset = offset + length;
}

function randomTensor<D extends FloatDType>(
  operation: string,
  shape: Shape,
  { seed, dtype = "float32" as D }: RandomOptions<D>,
  fill: (kernels: Kernels, pointer: number, length: number, words: Words) => void,
): Tensor<D> {
  const sizes = checkShape(operation, "shape", shape);
  if (!isFloat(checkDType(operation, "dtype", dtype))) {
    throw typeError(operation, "dtype", "float32, float16 or bfloat16", dtype);
  }
  const position = seed === undefined ? generator : { seed: checkSeed(operation, "seed", seed), offset: 0 };
  const length = elementCount(sizes);
  return runCall(operation, (call) =>
    call.outputFromFloat32(sizes, dtype, (pointer) =>
      draw(position, length, (words) => call.kernel((kernels) => fill(kernels, pointer, length, words))),
    ),
  );
}

/**
 * Uniform random numbers in [low, high), by Philox4x32-10 (Salmon et al. 2011): equal on every host. Each is one of 2^24
 * equally likely ones; rounded to 16 bits, `high` itself may occur.
 *
 * @param shape Any.
 * @param options Bounds, seed and dtype.
 * @returns A tensor of that shape.
 * @throws {TypeError} for wrong kinds, and for a dtype that is no float.
 * @throws {RangeError} for wrong values, a `low` above `high`, and for lack of memory.
 */
export function rand<D extends FloatDType = "float32">(shape: Shape, options?: RandOptions<D>): Tensor<D> {
  const given = checkOptions("rand", options, ["low", "high", "seed", "dtype"]);
  const { low = 0, high = 1 } = given;
  checkNumber("rand", "low", low);
  checkNumber("rand", "high", high);
  if (low > high) throw rangeError("rand", "low", `a number of at most high, ${high}`, low);
  return randomTensor("rand", shape, given, (kernels, pointer, length, words) =>
    kernels.random_uniform(pointer, length, low, high, ...words),
  );
}

/**
 * Normal random numbers, by Philox4x32-10 and Box and Muller's method: equal on every host, and within 6.67 standard
 * deviations of the mean.
 *
 * @param shape Any.
 * @param options Mean, standard deviation, seed and dtype.
 * @returns A tensor of that shape.
 * @throws {TypeError} for wrong kinds, and for a dtype that is no float.
 * @throws {RangeError} for wrong values, and for lack of memory.
 */
export function randn<D extends FloatDType = "float32">(shape: Shape, options?: RandnOptions<D>): Tensor<D> {
  const given = checkOptions("randn", options, ["mean", "standardDeviation", "seed", "dtype"]);
  const { mean = 0, standardDeviation = 1 } = given;
  checkNumber("randn", "mean", mean);
  checkNumber("randn", "standardDeviation", standardDeviation, 0);
  return randomTensor("randn", shape, given, (kernels, pointer, length, words) =>
    kernels.random_normal(pointer, length, mean, standardDeviation, ...words),
  );
}

/** A seed of 48 bits from the package's generator, for an operation that takes one: two of its numbers. */
export function drawSeed(operation: string): number {
  const range = 2 ** 24;
  return runCall(operation, (call) => {
    const pointer = call.temporary(2 * bytesPerElement.float32);
    draw(generator, 2, (words) => call.kernel((kernels) => kernels.random_uniform(pointer, 2, 0, range, ...words)));
    const [low, high] = float32View(pointer, 2);
    return low + range * high;
  });
}
