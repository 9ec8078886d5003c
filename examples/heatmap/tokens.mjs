const segmenter = new Intl.Segmenter("en", { granularity: "word" });

/** Nothing to see: spaces, control characters, marks of direction. */
const INVISIBLE = /^[\p{C}\p{Z}\s]*$/u;

/**
 * The words and punctuation marks of a text, in order.
 * @param {string} text
 */
export function tokenize(text) {
  return Array.from(segmenter.segment(text.normalize("NFC")), ({ segment }) => segment).filter(
    (segment) => !INVISIBLE.test(segment),
  );
}
