/**
 * Philox4x32-10, the counter-based generator of Salmon, Moraes, Dror and Shaw, "Parallel random numbers: as easy as
 * 1, 2, 3" (2011), and the dropout rule that attention builds on it.
 */

export type Words4 = readonly [number, number, number, number];

const ROUNDS = 10;
const MULTIPLIER_0 = 0xd2511f53;
const MULTIPLIER_1 = 0xcd9e8d57;
const KEY_INCREMENT_0 = 0x9e3779b9;
const KEY_INCREMENT_1 = 0xbb67ae85;
const TWO_TO_32 = 4294967296;

/** The upper 32 bits of the 64-bit product of two unsigned 32-bit integers, in halves that float64 holds exactly. */
function multiplyHigh(a: number, b: number): number {
  const aLow = a & 0xffff;
  const aHigh = a >>> 16;
  const lowProduct = aLow * b; // below 2^48
  const highProduct = aHigh * b; // below 2^48, counts 2^16
  return Math.floor((highProduct + Math.floor(lowProduct / 65536)) / 65536);
}

/** The four 32-bit words of one block. */
export function philox4x32(counter: Words4, key: readonly [number, number]): Words4 {
  let [c0, c1, c2, c3] = counter;
  let [k0, k1] = key;
  for (let round = 0; round < ROUNDS; round++) {
    const high0 = multiplyHigh(MULTIPLIER_0, c0);
    const low0 = Math.imul(MULTIPLIER_0, c0) >>> 0;
    const high1 = multiplyHigh(MULTIPLIER_1, c2);
    const low1 = Math.imul(MULTIPLIER_1, c2) >>> 0;
    c0 = (high1 ^ c1 ^ k0) >>> 0;
    c1 = low1;
    c2 = (high0 ^ c3 ^ k1) >>> 0;
    c3 = low0;
    k0 = (k0 + KEY_INCREMENT_0) >>> 0;
    k1 = (k1 + KEY_INCREMENT_1) >>> 0;
  }
  return [c0, c1, c2, c3];
}

/** A seed (integer 0 … 2^53 − 1, or bigint below 2^64) as the generator's key: low word, high word. */
export function seedToKey(seed: number | bigint): readonly [number, number] {
  const wide = BigInt(seed);
  return [Number(wide & 0xffffffffn), Number(wide >> 32n)];
}

/** For one query row, which of the keys 0 … keys − 1 dropout keeps (1) or drops (0). */
export function keptKeys(
  seed: number | bigint,
  dropoutP: number,
  batch: number,
  head: number,
  row: number,
  keys: number,
): Uint8Array {
  const key = seedToKey(seed);
  const threshold = Math.floor(dropoutP * TWO_TO_32);
  const kept = new Uint8Array(keys);
  for (let first = 0; first < keys; first += 4) {
    const words = philox4x32([first / 4, row, head, batch], key);
    for (let word = 0; word < 4 && first + word < keys; word++) {
      kept[first + word] = words[word] >= threshold ? 1 : 0;
    }
  }
  return kept;
}
