/** The largest elements along an axis, by a stable sort. */
type Sizes = readonly [outer: number, length: number, inner: number];

/** NaN before all else, then larger ones; 0 and −0 are equal. */
const compare = (a: number, b: number): number => {
  if (Number.isNaN(a) || Number.isNaN(b)) return Number(Number.isNaN(b)) - Number(Number.isNaN(a));
  return a === b ? 0 : b > a ? 1 : -1;
};

/** Where in [outer, length, inner] the k largest elements along the middle stand, in the order of [outer, k, inner]. */
export function places(x: ArrayLike<number>, [outer, length, inner]: Sizes, k: number): Int32Array {
  const result = new Int32Array(outer * k * inner);
  for (let o = 0; o < outer; o++) {
    for (let i = 0; i < inner; i++) {
      const along = Array.from({ length }, (_, n) => (o * length + n) * inner + i);
      along.sort((a, b) => compare(x[a], x[b]));
      for (let n = 0; n < k; n++) result[(o * k + n) * inner + i] = along[n];
    }
  }
  return result;
}

/** The index along the axis of a place. */
export const indexOf = (place: number, [, length, inner]: Sizes): number => Math.floor(place / inner) % length;
