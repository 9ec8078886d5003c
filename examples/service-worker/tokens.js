// Where a text's sentences and tokens begin and end.

const sentences = new Intl.Segmenter("en", { granularity: "sentence" });
const words = new Intl.Segmenter("en", { granularity: "word" });

/** Nothing to see: spaces, control characters, marks of direction. */
const INVISIBLE = /^[\p{C}\p{Z}\s]*$/u;

/**
 * The sentences of a text, in order.
 * @param {string} text
 */
export const sentencesOf = (text) =>
  Array.from(sentences.segment(text.normalize("NFC")), ({ segment }) => segment.trim());

/**
 * The words and punctuation marks of a text, in order.
 * @param {string} text
 */
export const tokenize = (text) =>
  Array.from(words.segment(text.normalize("NFC")), ({ segment }) => segment).filter(
    (segment) => !INVISIBLE.test(segment),
  );

/** Whether a token is a word or a number, and no punctuation mark or picture. @param {string} token */
export const isWord = (token) => /[\p{L}\p{N}]/u.test(token);
