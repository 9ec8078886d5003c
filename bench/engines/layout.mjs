// From one layout of a tensor to the other.

/**
 * [batch, outer, inner, size] as [batch, inner, outer, size]: heads and lengths change places.
 * @param {Float32Array} elements
 * @param {[batch: number, outer: number, inner: number, size: number]} shape
 */
export function swapMiddle(elements, [batch, outer, inner, size]) {
  const swapped = new Float32Array(elements.length);
  for (let b = 0; b < batch; b++) {
    for (let o = 0; o < outer; o++) {
      for (let i = 0; i < inner; i++) {
        const start = ((b * outer + o) * inner + i) * size;
        swapped.set(elements.subarray(start, start + size), ((b * inner + i) * outer + o) * size);
      }
    }
  }
  return swapped;
}
