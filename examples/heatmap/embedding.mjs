import { randn, scope, sinusoidalPositions } from "wasm-attention";

/** Lengths of the character n-grams that a word is taken apart into. */
const SHORTEST = 2;
const LONGEST = 4;

/**
 * The character n-grams of a token with its ends marked: "eat" gives <e, ea, at, t>, <ea, eat, at>, <eat, eat>.
 * @param {string} token
 */
function characterNgrams(token) {
  const characters = ["<", ...token.normalize("NFKC").toLowerCase(), ">"];
  const ngrams = [];
  for (let length = SHORTEST; length <= LONGEST; length++) {
    for (let start = 0; start + length <= characters.length; start++) {
      ngrams.push(characters.slice(start, start + length).join(""));
    }
  }
  return ngrams;
}

const encoder = new TextEncoder();

/**
 * FNV-1a, 32 bits.
 * @param {string} text
 */
function hash(text) {
  let value = 0x811c9dc5;
  for (const byte of encoder.encode(text)) value = Math.imul(value ^ byte, 0x01000193) >>> 0;
  return value;
}

/**
 * Scales a vector to length 1, in place. (Math.hypot may differ between engines, Math.sqrt may not.)
 * @param {Float32Array} vector
 */
function normalize(vector) {
  let squares = 0;
  for (const element of vector) squares += element * element;
  const scale = 1 / Math.sqrt(squares);
  vector.forEach((element, index) => (vector[index] = element * scale));
}

/**
 * The spelling of a token as a vector of length 1: the sum of its n-grams' vectors, so that words with common n-grams
 * point in similar directions. An n-gram's vector is random with its hash as the seed, which needs no table.
 * @param {string} token
 * @param {number} width
 * @param {number} seed from 0 to 2^32 − 1
 */
function spelling(token, width, seed) {
  const sum = new Float32Array(width);
  for (const ngram of characterNgrams(token)) {
    const ngramSeed = (BigInt(seed) << 32n) | BigInt(hash(ngram));
    const vector = scope(() => randn([width], { seed: ngramSeed }).toArray());
    vector.forEach((element, index) => (sum[index] += element));
  }
  normalize(sum);
  return sum;
}

/**
 * Embeds tokens, `[tokens.length, embedDim]`: the first half of a row is the token's spelling, the second half its
 * position, both of length 1.
 * @param {readonly string[]} tokens
 * @param {number} embedDim a multiple of 4
 * @param {number} seed from 0 to 2^32 − 1
 */
export function embedTokens(tokens, embedDim, seed) {
  const half = embedDim / 2;
  const data = new Float32Array(tokens.length * embedDim);
  const positions = scope(() => sinusoidalPositions(tokens.length, half).toArray());
  /** @type {Map<string, Float32Array>} */
  const known = new Map();
  tokens.forEach((token, row) => {
    const vector = known.get(token) ?? spelling(token, half, seed);
    known.set(token, vector);
    const position = positions.subarray(row * half, (row + 1) * half);
    normalize(position);
    data.set(vector, row * embedDim);
    data.set(position, row * embedDim + half);
  });
  return { data, shape: [tokens.length, embedDim] };
}
