// Which keys dropout keeps, as docs/semantics.md, section 7, fixes it: by Philox4x32-10, the counter-based generator of
// Salmon, Moraes, Dror and Shaw, "Parallel random numbers: as easy as 1, 2, 3" (2011).

const ROUNDS = 10;
const MULTIPLIERS = [0xd2511f53, 0xcd9e8d57];
const KEY_INCREMENTS = [0x9e3779b9, 0xbb67ae85];

/**
 * The upper half of the product of two 32-bit integers: through 48-bit products, which float64 holds.
 * @param {number} a
 * @param {number} b
 */
const multiplyHigh = (a, b) => Math.floor(((a >>> 16) * b + Math.floor(((a & 0xffff) * b) / 2 ** 16)) / 2 ** 16);

/**
 * @param {readonly number[]} counter four words
 * @param {readonly number[]} key two words
 * @returns {number[]} four words
 */
function philox4x32([c0, c1, c2, c3], [k0, k1]) {
  for (let round = 0; round < ROUNDS; round++) {
    const [high0, low0] = [multiplyHigh(MULTIPLIERS[0], c0), Math.imul(MULTIPLIERS[0], c0)];
    const [high1, low1] = [multiplyHigh(MULTIPLIERS[1], c2), Math.imul(MULTIPLIERS[1], c2)];
    [c0, c1, c2, c3] = [(high1 ^ c1 ^ k0) >>> 0, low1 >>> 0, (high0 ^ c3 ^ k1) >>> 0, low0 >>> 0];
    k0 = (k0 + KEY_INCREMENTS[0]) >>> 0;
    k1 = (k1 + KEY_INCREMENTS[1]) >>> 0;
  }
  return [c0, c1, c2, c3];
}

/**
 * Whether dropout keeps each of the first keys of one query.
 * @param {number} seed below 2^32
 * @param {number} dropoutP
 * @param {{ batch: number, head: number, row: number }} query
 * @param {number} keys
 * @returns {boolean[]}
 */
export function keptKeys(seed, dropoutP, { batch, head, row }, keys) {
  const threshold = Math.floor(dropoutP * 2 ** 32);
  const blocks = Array.from({ length: Math.ceil(keys / 4) }, (_, block) =>
    philox4x32([block, row, head, batch], [seed, 0]),
  );
  return blocks.flat().map((word) => word >= threshold);
}
