// Attention over tokens, by spelling:
//
//     weights(i, j) = softmax over j of (sharpness · cosine(spelling of i, spelling of j))
//
// A trained model would project the vectors first, by what it has learned. Here nothing is trained, so much attention
// means alike in spelling: the same word, another form of it, a misspelling. It finds words, and what they stand in.
import { scaledDotProductAttention, scope } from "./wasm-attention.js";
import { isFunctionWord } from "./function-words.js";
import { embedSpelling } from "./spelling.js";
import { isWord } from "./tokens.js";

const WIDTH = 128;

/** The score of a token with one that is spelled the same. */
const SHARPNESS = 10;

/** How much the score falls with each token in between: of two equal words the nearer one gets more. */
const FALL = 1 / 128;

/** @typedef {{ text: string, tokens: string[] }} Sentence */

/** @param {readonly Sentence[]} sentences */
const tokensOf = (sentences) => sentences.flatMap(({ tokens }) => tokens);

/** Four digits are enough to read, and to compare. */
const DIGITS = 1e4;

/** @param {number} weight */
const rounded = (weight) => Math.round(weight * DIGITS) / DIGITS;

/**
 * The indices of the largest weights, falling; of equal ones the first comes first. What rounds to 0 is left out.
 * @param {ArrayLike<number>} weights
 * @param {number} top how many at most
 */
function heaviest(weights, top) {
  /** @type {number[]} */
  const chosen = [];
  for (let index = 0; index < weights.length; index++) {
    const weight = weights[index];
    if (weight * DIGITS < 0.5 || (chosen.length === top && weight <= weights[chosen[top - 1]])) continue;
    let place = chosen.length;
    while (place > 0 && weights[chosen[place - 1]] < weight) place--;
    chosen.splice(place, 0, index);
    if (chosen.length > top) chosen.pop();
  }
  return chosen;
}

/**
 * For every sentence whether a token stands in it: as values of attention they make of the output how much of a token's
 * attention goes to each sentence. `[tokens, sentences]`
 * @param {readonly Sentence[]} sentences
 */
function membership(sentences) {
  const width = sentences.length;
  const owners = sentences.flatMap(({ tokens }, sentence) => tokens.map(() => sentence));
  const data = new Float32Array(owners.length * width);
  owners.forEach((sentence, token) => (data[token * width + sentence] = 1));
  return { data, shape: [owners.length, width] };
}

/**
 * The tokens that each row attends to most.
 * @param {readonly string[]} rows
 * @param {readonly string[]} columns
 * @param {Float32Array} weights `[rows, columns]`
 * @param {number} top
 */
const mostAttended = (rows, columns, weights, top) =>
  rows.map((token, row) => {
    const attention = weights.subarray(row * columns.length, (row + 1) * columns.length);
    const attendsTo = heaviest(attention, top).map((index) => ({
      index,
      token: columns[index],
      weight: rounded(attention[index]),
    }));
    return { token, attendsTo };
  });

/**
 * The sentences that get most of the attention of some tokens, on average.
 * @param {readonly Sentence[]} sentences
 * @param {Float32Array} attention `[tokens, sentences]`
 * @param {readonly number[]} rows the tokens that count
 * @param {number} top
 */
function mostAttendedSentences(sentences, attention, rows, top) {
  const weights = sentences.map(
    (_, sentence) => rows.reduce((sum, row) => sum + attention[row * sentences.length + sentence], 0) / rows.length,
  );
  return heaviest(weights, top).map((index) => ({ text: sentences[index].text, weight: rounded(weights[index]) }));
}

/**
 * The places of the words that say something, or of all tokens where there are none.
 * @param {readonly string[]} tokens
 */
function telling(tokens) {
  const all = tokens.map((_, index) => index);
  const words = all.filter((index) => isWord(tokens[index]) && !isFunctionWord(tokens[index].toLowerCase()));
  return words.length > 0 ? words : all;
}

/**
 * The words that get most attention, all places of a word together.
 * @param {readonly string[]} tokens
 * @param {Float32Array} weights `[tokens, tokens]`
 * @param {number} top
 */
function keywordsOf(tokens, weights, top) {
  /** @type {Map<string, number>} */
  const received = new Map();
  for (const column of telling(tokens)) {
    const word = tokens[column].toLowerCase();
    let sum = received.get(word) ?? 0;
    for (let row = 0; row < tokens.length; row++) sum += weights[row * tokens.length + column];
    received.set(word, sum);
  }
  const words = [...received.keys()];
  const means = Array.from(received.values(), (sum) => sum / tokens.length);
  return heaviest(means, top).map((index) => ({ word: words[index], weight: rounded(means[index]) }));
}

/**
 * One call of attention, with the sentences as values: the weights, and how much of each token's attention goes to each
 * sentence. All memory is free again afterwards.
 * @param {readonly string[]} queryTokens
 * @param {readonly Sentence[]} text
 * @param {Parameters<typeof scaledDotProductAttention>[3]} [options]
 */
function attend(queryTokens, text, options) {
  const query = embedSpelling(queryTokens, WIDTH);
  const key = embedSpelling(tokensOf(text), WIDTH);
  const settings = { ...options, scale: SHARPNESS, needWeights: true };
  const [weights, attention] = scope(() => {
    const { weights, output } = scaledDotProductAttention(query, key, membership(text), settings);
    return [weights, output].map((tensor) => /** @type {Float32Array} */ (tensor?.toArray()));
  });
  return { weights, attention };
}

/**
 * Attention of a text to itself: what each token attends to, the keywords, and the sentences that the rest of the text
 * attends to. No token attends to itself; one that is alone attends to nothing.
 * @param {readonly Sentence[]} text
 * @param {number} top how many of each
 */
export function attendWithin(text, top) {
  const tokens = tokensOf(text);
  const others = new Uint8Array(tokens.length ** 2).fill(1);
  for (let token = 0; token < tokens.length; token++) others[token * (tokens.length + 1)] = 0;
  const attnMask = { data: others, shape: [tokens.length, tokens.length] };
  const { weights, attention } = attend(tokens, text, { attnMask, alibiSlopes: [FALL] });
  return {
    tokens,
    attention: mostAttended(tokens, tokens, weights, top),
    keywords: keywordsOf(tokens, weights, top),
    sentences: mostAttendedSentences(text, attention, telling(tokens), top),
  };
}

/**
 * Attention of a query to a text: what each token of the query finds, and the sentences that it finds most in.
 * @param {readonly Sentence[]} query
 * @param {readonly Sentence[]} text
 * @param {number} top how many of each
 */
export function attendFromQuery(query, text, top) {
  const tokens = tokensOf(text);
  const queryTokens = tokensOf(query);
  const { weights, attention } = attend(queryTokens, text);
  return {
    tokens,
    queryTokens,
    attention: mostAttended(queryTokens, tokens, weights, top),
    sentences: mostAttendedSentences(text, attention, telling(queryTokens), top),
  };
}
