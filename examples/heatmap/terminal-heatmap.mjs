import { Chalk } from "chalk";
import { colorScale, isDark } from "./color-scale.mjs";
import { alignLeft, alignRight, center, displayWidth, percent, printable, truncate } from "./labels.mjs";

/** Viridis: the eye sees equal steps, also in shades of grey. */
const viridis = colorScale([
  [68, 1, 84],
  [59, 82, 139],
  [33, 145, 140],
  [94, 201, 98],
  [253, 231, 37],
]);

/** What stands for colours where there are none. */
const SHADES = [" ", "░", "▒", "▓", "█"];

const WIDEST_LABEL = 14;

/**
 * How cells are written: "named" under the tokens, "numbered" with percents under the tokens' numbers, "plain" as
 * colours or shades alone.
 * @typedef {{ style: "named" | "numbered" | "plain", cell: number }} Layout
 */

/**
 * The most telling layout that has room for all tokens, or the densest.
 * @param {number} room columns of the terminal beside the row labels
 * @param {number} count
 * @param {number} widestName
 * @param {boolean} hasColor
 * @returns {Layout}
 */
function chooseLayout(room, count, widestName, hasColor) {
  // "100%" with a space, and two shades before it where there are no colours.
  const least = hasColor ? 5 : 7;
  for (let cell = Math.max(least, Math.min(widestName + 1, 11)); cell >= least; cell--) {
    if (cell * count <= room) return { style: "named", cell };
  }
  return count * 4 <= room ? { style: "numbered", cell: 4 } : { style: "plain", cell: 2 };
}

/** @param {readonly string[]} names @param {Layout} layout */
function columnHeader(names, { style, cell }) {
  if (style === "named") return names.map((name) => center(truncate(name, cell - 1), cell)).join("");
  if (style === "numbered") return names.map((_, index) => alignRight(String(index + 1), cell)).join("");
  // Every fifth number, ending above the right edge of its column.
  return names.reduce((header, _, index) => {
    const number = index === 0 || (index + 1) % 5 === 0 ? String(index + 1) : "";
    return header + alignRight(number, cell * (index + 1) - header.length);
  }, "");
}

/**
 * A heatmap of attention weights for a terminal: a row for each token that attends, a column for each that is attended
 * to.
 * @param {readonly string[]} tokens
 * @param {Float32Array} weights `[tokens.length, tokens.length]`
 * @param {{ causal: boolean, width: number, colorLevel: 0 | 1 | 2 | 3 }} options `width` in columns; `colorLevel` as
 *   chalk has it, 0 for none
 * @returns {{ text: string, shown: number }} `shown`: how many tokens there was room for, from the first
 */
export function terminalHeatmap(tokens, weights, { causal, width, colorLevel }) {
  const chalk = new Chalk({ level: colorLevel });
  const hasColor = colorLevel > 0;
  const labels = tokens.map(printable);
  const widestName = Math.max(...labels.map(displayWidth));
  const numberWidth = String(tokens.length).length;
  const nameWidth = Math.min(widestName, WIDEST_LABEL);

  const layout = chooseLayout(width - nameWidth - 2, tokens.length, widestName, hasColor);
  const { style, cell } = layout;
  const labelWidth = style === "named" ? nameWidth : nameWidth + 1 + numberWidth;
  const shown = Math.max(1, Math.min(tokens.length, Math.floor((width - labelWidth - 2) / cell)));

  /** @param {number} row @param {number} column */
  const weightAt = (row, column) => weights[row * tokens.length + column];
  let largest = 0;
  for (let row = 0; row < shown; row++) {
    for (let column = 0; column < shown; column++) largest = Math.max(largest, weightAt(row, column));
  }

  /** @param {string} text @param {number} share of the largest weight */
  const colored = (text, share) => {
    const color = viridis(share);
    return chalk.bgRgb(...color)(isDark(color) ? chalk.whiteBright(text) : chalk.black(text));
  };
  /** @param {number} share of the largest weight */
  const shade = (share) => SHADES[Math.round(share * (SHADES.length - 1))];
  /** @param {number} row @param {number} column */
  const formatCell = (row, column) => {
    if (causal && column > row) return chalk.dim(center("·", cell));
    const weight = weightAt(row, column);
    const share = weight / largest;
    if (style === "plain") return hasColor ? colored("  ", share) : shade(share).repeat(2);
    if (style === "numbered") {
      const number = String(Math.round(weight * 100));
      return hasColor ? colored(alignRight(number, cell), share) : shade(share) + alignRight(number, cell - 1);
    }
    if (hasColor) return colored(center(percent(weight), cell), share);
    return center(shade(share).repeat(2) + alignRight(percent(weight), 4), cell);
  };

  const indices = Array.from({ length: shown }, (_, index) => index);
  const lines = indices.map((row) => {
    const name = alignRight(truncate(labels[row], nameWidth), nameWidth);
    const label = style === "named" ? name : `${name} ${alignRight(String(row + 1), numberWidth)}`;
    return ` ${label} ${indices.map((column) => formatCell(row, column)).join("")}`;
  });
  const header = " ".repeat(labelWidth + 2) + columnHeader(labels.slice(0, shown), layout);
  const steps = Array.from({ length: 24 }, (_, step) => step / 23);
  const legend = hasColor ? steps.map((share) => colored(" ", share)).join("") : ` ${SHADES.slice(1).join(" ")} `;
  const numbers = style === "numbered" ? " (cells are percents)" : "";
  const scale = `${alignLeft("", labelWidth + 2)}0% ${legend} ${percent(largest)}${numbers}`;
  return { text: [header.trimEnd(), ...lines.map((line) => line.trimEnd()), "", scale].join("\n"), shown };
}
