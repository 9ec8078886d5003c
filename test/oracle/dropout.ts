/** The dropout layer in float64. */
import { words } from "./random.js";

/** What each element is multiplied by: 1 / (1 − p) where its word of the third stream is at least floor(p · 2^32), else 0. */
export const factors = (seed: number | bigint, p: number, length: number): Float64Array =>
  Float64Array.from(words(seed, 2, length).slice(0, length), (word) =>
    p < 1 && word >= Math.floor(p * 2 ** 32) ? 1 / (1 - p) : 0,
  );

/** x · m; 0 · NaN is NaN. */
export const dropout = (x: ArrayLike<number>, seed: number | bigint, p: number): Float64Array =>
  factors(seed, p, x.length).map((factor, at) => factor * x[at]);
