const segmenter = new Intl.Segmenter("en", { granularity: "grapheme" });

/** Control characters, line ends, halves of characters, and marks that turn the direction of what follows. */
const UNPRINTABLE = /[\p{Cc}\p{Zl}\p{Zp}\p{Surrogate}\u202A-\u202E\u2066-\u2069\uFFFE\uFFFF]/gu;
const WIDE =
  /^(?![\uFF61-\uFFDC])[\p{Emoji_Presentation}\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Hangul}\u3000-\u303E\uFF01-\uFF60]|\uFE0F/u;

/**
 * A text for one line of a terminal or a picture, where it can do nothing but be read.
 * @param {string} text
 */
export const printable = (text) => text.replace(/\s+/g, " ").trim().replace(UNPRINTABLE, "\uFFFD");

/** @param {string} grapheme */
const graphemeWidth = (grapheme) => (WIDE.test(grapheme) ? 2 : 1);

/**
 * How many columns of a terminal a text takes, nearly.
 * @param {string} text
 */
export function displayWidth(text) {
  let width = 0;
  for (const { segment } of segmenter.segment(text)) width += graphemeWidth(segment);
  return width;
}

/**
 * The beginning of a text that fits, with … where something was cut off.
 * @param {string} text
 * @param {number} width in columns, at least 1
 */
export function truncate(text, width) {
  if (displayWidth(text) <= width) return text;
  let kept = "";
  let used = 0;
  for (const { segment } of segmenter.segment(text)) {
    used += graphemeWidth(segment);
    if (used > width - 1) break;
    kept += segment;
  }
  return `${kept}…`;
}

/** @param {string} text @param {number} width */
export const alignLeft = (text, width) => text + " ".repeat(Math.max(0, width - displayWidth(text)));

/** @param {string} text @param {number} width */
export const alignRight = (text, width) => " ".repeat(Math.max(0, width - displayWidth(text))) + text;

/** @param {string} text @param {number} width */
export function center(text, width) {
  const space = Math.max(0, width - displayWidth(text));
  return " ".repeat(Math.ceil(space / 2)) + text + " ".repeat(Math.floor(space / 2));
}

/**
 * Breaks a text into lines, between words.
 * @param {string} text
 * @param {number} width in columns
 */
export function wrap(text, width) {
  /** @type {string[]} */
  const lines = [];
  for (const word of text.split(" ")) {
    const longer = `${lines.at(-1)} ${word}`;
    if (lines.length > 0 && displayWidth(longer) <= width) lines[lines.length - 1] = longer;
    else lines.push(word);
  }
  return lines;
}

/**
 * A share as whole percents.
 * @param {number} share from 0 to 1
 */
export const percent = (share) => `${Math.round(share * 100)}%`;
