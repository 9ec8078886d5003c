/** The streams of rand and randn in float32 and float64, from Philox's words (docs/semantics.md has the generator). */
import { philox4x32, seedToKey } from "./philox.js";

/** The 32-bit words of a stream: four of each block, whose counter ends with the stream's own words. */
export const words = (seed: number | bigint, stream: number, length: number): number[] =>
  Array.from({ length: Math.ceil(length / 4) }, (_, block) =>
    philox4x32([block, 0, stream, 0xffffffff], seedToKey(seed)),
  ).flat();

/** The float32 below a finite one. */
function nextDown(x: number): number {
  if (x === 0) return -(2 ** -149);
  const bits = new Int32Array(Float32Array.of(x).buffer);
  bits[0] += x > 0 ? -1 : 1;
  return new Float32Array(bits.buffer)[0];
}

/** Exactly what rand gives: low · (1 − u) + high · u, rounded at each step, and kept in [low, high). */
export function uniform(seed: number | bigint, length: number, from = 0, to = 1): Float32Array {
  const { fround } = Math;
  const [low, high] = [fround(from), fround(to)];
  const last = low < high ? nextDown(high) : low;
  const values = words(seed, 0, length).map((word) => {
    const u = (word >>> 8) * 2 ** -24;
    const value = fround(fround(low * fround(1 - u)) + fround(high * u));
    return Math.min(Math.max(value, low), last);
  });
  return Float32Array.from(values.slice(0, length));
}

/** Box and Muller's transform. */
export function normal(seed: number | bigint, length: number): Float64Array {
  const stream = words(seed, 1, length);
  const values = stream.map((_, at) => {
    const [radiusWord, turnWord] = at % 2 === 0 ? [stream[at], stream[at + 1]] : [stream[at - 1], stream[at]];
    const radius = Math.sqrt(-2 * Math.log((radiusWord + 1) / 2 ** 32));
    const angle = (2 * Math.PI * turnWord) / 2 ** 32;
    return radius * (at % 2 === 0 ? Math.cos(angle) : Math.sin(angle));
  });
  return Float64Array.from(values.slice(0, length));
}
