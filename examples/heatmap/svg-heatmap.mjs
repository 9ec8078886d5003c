import { colorScale, isDark } from "./color-scale.mjs";
import { displayWidth, percent, printable, truncate, wrap } from "./labels.mjs";

/** ColorBrewer's Blues: white paper stays white where there is no attention. */
const blues = colorScale([
  [247, 251, 255],
  [198, 219, 239],
  [107, 174, 214],
  [33, 113, 181],
  [8, 48, 107],
]);

const INK = "#1f2933";
const FAINT_INK = "#52606d";
const MARGIN = 24;
const WIDEST_LABEL = 20;
/** Of a character in relation to the size of the font, on average. */
const CHARACTER_WIDTH = 0.6;

/** More would make files that viewers choke on. */
export const MOST_SVG_TOKENS = 128;

const entities = new Map([
  ["&", "&amp;"],
  ["<", "&lt;"],
  [">", "&gt;"],
  ['"', "&quot;"],
]);

/** @param {string} text */
const escapeXml = (text) => printable(text).replace(/[&<>"]/g, (character) => entities.get(character) ?? character);

/** @param {number} value */
const rounded = (value) => Number(value.toFixed(2));

/** @param {readonly [number, number, number]} color */
const hex = (color) => `#${color.map((channel) => channel.toString(16).padStart(2, "0")).join("")}`;

/**
 * A heatmap of attention weights as an SVG file: a row for each token that attends, a column for each that is attended
 * to. The weight of a cell appears in it where there is room, and when the pointer rests on it.
 * @param {readonly string[]} tokens at least one; those beyond MOST_SVG_TOKENS are left out
 * @param {Float32Array} weights `[tokens.length, tokens.length]`
 * @param {{ causal: boolean, title: string, captions: readonly string[] }} options `captions`: lines below the picture
 */
export function svgHeatmap(tokens, weights, { causal, title, captions }) {
  const shown = Math.min(tokens.length, MOST_SVG_TOKENS);
  const cell = shown <= 20 ? 44 : shown <= 48 ? 24 : 13;
  const fontSize = cell === 44 ? 15 : cell === 24 ? 13 : 10;
  const labels = tokens.slice(0, shown).map((token) => truncate(printable(token), WIDEST_LABEL));
  const labelSpace = Math.max(...labels.map(displayWidth)) * fontSize * CHARACTER_WIDTH + 10;
  const side = shown * cell;
  const left = MARGIN + labelSpace;
  // Column labels lean to the right by 45 degrees, the last ones over the edge.
  const leaning = labelSpace * Math.SQRT1_2 + fontSize;
  const top = MARGIN + 30 + leaning;
  const width = Math.max(left + side + leaning, 480) + MARGIN;
  const columns = Math.floor((width - 2 * MARGIN) / (12 * CHARACTER_WIDTH * 0.95));
  const captionLines = captions.flatMap((caption) => wrap(printable(caption), columns));
  const legendTop = top + side + 20;
  const height = legendTop + 40 + captionLines.length * 17 + MARGIN - 6;

  let largest = 0;
  for (let row = 0; row < shown; row++) {
    for (let column = 0; column < shown; column++) largest = Math.max(largest, weights[row * tokens.length + column]);
  }

  /** @type {string[]} */
  const cells = [];
  for (let row = 0; row < shown; row++) {
    for (let column = 0; column < shown; column++) {
      if (causal && column > row) continue;
      const weight = weights[row * tokens.length + column];
      const color = blues(weight / largest);
      const x = rounded(left + column * cell);
      const y = rounded(top + row * cell);
      const tip = escapeXml(`${tokens[row]} → ${tokens[column]}: ${(weight * 100).toFixed(1)}%`);
      const gap = cell > 13 ? 1 : 0.5;
      cells.push(
        `<rect x="${x}" y="${y}" width="${cell - gap}" height="${cell - gap}" fill="${hex(color)}"><title>${tip}</title></rect>`,
      );
      if (cell === 44) {
        const ink = isDark(color) ? "#ffffff" : "#000000";
        cells.push(
          `<text x="${rounded(x + (cell - gap) / 2)}" y="${rounded(y + cell / 2 + 4.5)}" font-size="13" fill="${ink}" ` +
            `text-anchor="middle" pointer-events="none">${percent(weight)}</text>`,
        );
      }
    }
  }

  const middle = cell / 2;
  const rowLabels = labels.map(
    (label, row) =>
      `<text x="${rounded(left - 8)}" y="${rounded(top + row * cell + middle + fontSize * 0.35)}" text-anchor="end">${escapeXml(label)}</text>`,
  );
  const columnLabels = labels.map((label, column) => {
    const x = rounded(left + column * cell + middle + fontSize * 0.25);
    const y = rounded(top - 6);
    return `<text x="${x}" y="${y}" transform="rotate(-45 ${x} ${y})">${escapeXml(label)}</text>`;
  });
  const stops = Array.from({ length: 9 }, (_, stop) => stop / 8).map(
    (share) => `<stop offset="${share}" stop-color="${hex(blues(share))}"/>`,
  );
  const captionTop = legendTop + 46;
  const captionTexts = captionLines.map(
    (line, index) => `<text x="${MARGIN}" y="${rounded(captionTop + index * 17)}">${escapeXml(line)}</text>`,
  );
  const titleColumns = Math.floor((width - 2 * MARGIN) / (16 * CHARACTER_WIDTH));

  return `<?xml version="1.0" encoding="UTF-8"?>
<svg xmlns="http://www.w3.org/2000/svg" width="${rounded(width)}" height="${rounded(height)}" viewBox="0 0 ${rounded(width)} ${rounded(height)}" role="img" font-family="system-ui, 'Segoe UI', 'Noto Sans', 'DejaVu Sans', sans-serif">
<title>Attention weights: ${escapeXml(truncate(printable(title), 200))}</title>
<defs><linearGradient id="scale">${stops.join("")}</linearGradient></defs>
<rect width="100%" height="100%" fill="#ffffff"/>
<text x="${MARGIN}" y="${MARGIN + 12}" font-size="16" font-weight="600" fill="${INK}">${escapeXml(truncate(printable(title), titleColumns))}</text>
<g font-size="${fontSize}" fill="${INK}">
${rowLabels.join("\n")}
${columnLabels.join("\n")}
</g>
<g>
${cells.join("\n")}
</g>
<g font-size="12" fill="${FAINT_INK}">
<text x="${rounded(left)}" y="${rounded(legendTop + 11)}" text-anchor="end">0% </text>
<rect x="${rounded(left + 6)}" y="${rounded(legendTop)}" width="160" height="14" fill="url(#scale)" stroke="#cbd2d9" stroke-width="0.5"/>
<text x="${rounded(left + 174)}" y="${rounded(legendTop + 11)}">${percent(largest)}</text>
${captionTexts.join("\n")}
</g>
</svg>
`;
}
