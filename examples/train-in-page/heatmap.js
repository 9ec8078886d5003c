// Attention weights on a canvas: a row for each digit of the answer, a column for each that was given.

/** Pixels of a weight's side. */
const CELL = 24;

/** Dark to bright with equal steps for the eye (viridis), as red, green and blue. */
const STOPS = [
  [68, 1, 84],
  [59, 82, 139],
  [33, 145, 140],
  [94, 201, 98],
  [253, 231, 37],
];

/** @param {number} weight from 0 to 1 */
function colorOf(weight) {
  const position = weight * (STOPS.length - 1);
  const stop = Math.min(Math.floor(position), STOPS.length - 2);
  const mixed = STOPS[stop].map((from, channel) => from + (position - stop) * (STOPS[stop + 1][channel] - from));
  return `rgb(${mixed.map(Math.round).join(" ")})`;
}

/**
 * Draws weights `[L, L]`, on the same scale each time, so that one sees them sharpen.
 * @param {HTMLCanvasElement} canvas
 * @param {Float32Array} weights
 * @param {readonly number[]} given the digits above the columns
 * @param {readonly number[]} answer the digits beside the rows
 */
export function drawHeatmap(canvas, weights, given, answer) {
  const { length } = given;
  canvas.width = canvas.height = (length + 1) * CELL;
  const context = /** @type {CanvasRenderingContext2D} */ (canvas.getContext("2d"));
  context.fillStyle = getComputedStyle(canvas).color;
  context.font = `${CELL / 1.5}px system-ui, sans-serif`;
  context.textAlign = "center";
  context.textBaseline = "middle";
  given.forEach((digit, column) => context.fillText(String(digit), (column + 1.5) * CELL, CELL / 2));
  answer.forEach((digit, row) => context.fillText(String(digit), CELL / 2, (row + 1.5) * CELL));
  weights.forEach((weight, index) => {
    context.fillStyle = colorOf(weight);
    context.fillRect(((index % length) + 1) * CELL, (Math.floor(index / length) + 1) * CELL, CELL, CELL);
  });
}
