// The spelling of tokens as vectors, by feature hashing (Weinberger et al. 2009): no table, no training, and the same on
// every host, since nothing but integers, sums and a square root is used.

/** Lengths of the character n-grams that a token is taken apart into, its ends marked: "eat" gives <e, ea, …, eat>. */
const SHORTEST = 2;
const LONGEST = 4;

// A global is slow to look up in some hosts, the edge VM among them.
const { imul } = Math;

/** FNV-1a's. */
const BASIS = 0x811c9dc5;
const PRIME = 0x01000193;

/**
 * Spreads a hash over all its bits (the finalizer of MurmurHash3).
 * @param {number} hash
 */
function finalize(hash) {
  let value = hash;
  value = imul(value ^ (value >>> 16), 0x85ebca6b);
  value = imul(value ^ (value >>> 13), 0xc2b2ae35);
  return (value ^ (value >>> 16)) >>> 0;
}

/**
 * Adds a token's n-grams to a vector of zeros, each as 1 or −1 in an element that its hash chooses, and scales it to
 * length 1: tokens with common n-grams point in similar directions.
 * @param {string} token
 * @param {Float32Array} vector
 */
function addSpelling(token, vector) {
  const characters = ["<", ...token.normalize("NFKC").toLowerCase(), ">"].map((each) => each.codePointAt(0) ?? 0);
  for (let start = 0; start + SHORTEST <= characters.length; start++) {
    const end = Math.min(start + LONGEST, characters.length);
    let hash = BASIS;
    for (let index = start; index < end; index++) {
      hash = imul(hash ^ characters[index], PRIME);
      if (index - start + 1 < SHORTEST) continue;
      const spread = finalize(hash);
      vector[spread % vector.length] += spread >>> 31 === 0 ? 1 : -1;
    }
  }
  let squares = 0;
  for (const element of vector) squares += element * element;
  // Features that cancel out leave nothing to scale.
  const scale = squares === 0 ? 0 : 1 / Math.sqrt(squares);
  vector.forEach((element, index) => (vector[index] = element * scale));
}

/**
 * One vector of length 1 a token, `[tokens.length, width]`.
 * @param {readonly string[]} tokens
 * @param {number} width
 */
export function embedSpelling(tokens, width) {
  const data = new Float32Array(tokens.length * width);
  tokens.forEach((token, row) => addSpelling(token, data.subarray(row * width, (row + 1) * width)));
  return { data, shape: [tokens.length, width] };
}
