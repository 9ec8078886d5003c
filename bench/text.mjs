// How figures are written, in a terminal and on pages.

const BEGIN = "<!-- begin: written by bench/readme.mjs from bench/record/ -->";
const END = "<!-- end -->";

export const percent = (/** @type {number} */ share) => `${(100 * share).toFixed(0)}%`;

export const threeDigits = (/** @type {number} */ value) =>
  value >= 100 ? value.toFixed(0) : value >= 10 ? value.toFixed(1) : value >= 1 ? value.toFixed(2) : value.toFixed(3);

export const time = (/** @type {number | undefined} */ milliseconds) =>
  milliseconds === undefined ? "" : `${threeDigits(milliseconds)} ms`;

export const list = (/** @type {string[]} */ items) =>
  items.length < 2 ? items.join() : `${items.slice(0, -1).join(", ")} and ${items.at(-1)}`;

export const markdownTable = (/** @type {string[]} */ head, /** @type {string[][]} */ rows) =>
  [head, head.map(() => "---"), ...rows].map((cells) => `| ${cells.join(" | ")} |`).join("\n");

/**
 * A page with the text in the place that is marked for it.
 * @param {string} page
 * @param {string} text
 */
export function replaceGenerated(page, text) {
  const start = page.indexOf(BEGIN);
  // Another such place may come before.
  const stop = page.indexOf(END, start);
  if (start < 0 || stop < start) throw new Error(`expected the lines ${BEGIN} and ${END}`);
  return `${page.slice(0, start)}${BEGIN}\n\n${text}\n\n${page.slice(stop)}`;
}
