// The characters of a text as vectors, each by what stands around it.

/** Head h compares runs of h + 1 characters. */
export const HEADS = 4;
export const HEAD_DIM = 32;

/** Whoever is spelled the same within a head scores so much. */
const SHARPNESS = 12;

/**
 * A hash of a run of characters, from 0 to 2^32 − 1: FNV-1a, then the finalizer of MurmurHash3.
 * @param {readonly number[]} characters
 * @param {number} start
 * @param {number} length
 */
function hash(characters, start, length) {
  let value = 0x811c9dc5;
  for (let index = start; index < start + length; index++) value = Math.imul(value ^ characters[index], 0x01000193);
  value = Math.imul(value ^ (value >>> 16), 0x85ebca6b);
  value = Math.imul(value ^ (value >>> 13), 0xc2b2ae35);
  return (value ^ (value >>> 16)) >>> 0;
}

/**
 * Adds the feature that a hash stands for: 1 or −1 in four of the elements, so that it has length 2.
 * @param {Float32Array} vector
 * @param {number} value
 */
function addFeature(vector, value) {
  for (let part = 0; part < 4; part++) {
    const byte = (value >>> (8 * part)) & 0xff;
    vector[8 * part + (byte & 7)] += byte & 8 ? 1 : -1;
  }
}

/**
 * One vector a head and character, `[1, HEADS, length, HEAD_DIM]`: in head h the sum of the runs of h + 1 characters
 * that contain the character. They are untrained: two characters are alike where the text around them is the same.
 * @param {string} text
 * @param {number} length of its first characters
 */
export function embedCharacters(text, length) {
  const characters = Array.from(text.toLowerCase(), (character) => character.codePointAt(0) ?? 0).slice(0, length);
  const data = new Float32Array(HEADS * characters.length * HEAD_DIM);
  for (let head = 0; head < HEADS; head++) {
    const run = head + 1;
    for (let place = 0; place < characters.length; place++) {
      const offset = (head * characters.length + place) * HEAD_DIM;
      const vector = data.subarray(offset, offset + HEAD_DIM);
      for (let start = Math.max(0, place - head); start <= Math.min(place, characters.length - run); start++) {
        addFeature(vector, hash(characters, start, run));
      }
      let squares = 0;
      for (const element of vector) squares += element * element;
      // Query and key bring the root of the sharpness once each.
      const scale = squares === 0 ? 0 : Math.sqrt(SHARPNESS / squares);
      vector.forEach((element, index) => (vector[index] = element * scale));
    }
  }
  return { data, length: characters.length };
}
