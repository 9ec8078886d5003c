// Attention weights on a canvas, drawn as they come.

/** More rows than this share pixels: each shows the brightest of its weights. */
const MOST_PIXELS = 512;

/** Dark to bright with equal steps for the eye (viridis), as red, green and blue. */
const STOPS = [
  [68, 1, 84],
  [59, 82, 139],
  [33, 145, 140],
  [94, 201, 98],
  [253, 231, 37],
];

/** A colour for each of 256 brightnesses, as the bytes of a pixel. */
const colors = Array.from({ length: 256 }, (_, index) => {
  const position = (index / 255) * (STOPS.length - 1);
  const stop = Math.min(Math.floor(position), STOPS.length - 2);
  const mixed = STOPS[stop].map((from, channel) => from + (position - stop) * (STOPS[stop + 1][channel] - from));
  return [...mixed.map(Math.round), 255];
});

/**
 * Clears the canvas for the weights of `length` characters, and returns what draws some of their rows.
 * @param {HTMLCanvasElement} canvas
 * @param {number} length
 */
export function startHeatmap(canvas, length) {
  // A power of two, as the number of rows that come at a time.
  let share = 1;
  while (share * MOST_PIXELS < length) share *= 2;
  const size = Math.ceil(length / share);
  canvas.width = size;
  canvas.height = size;
  const context = /** @type {CanvasRenderingContext2D} */ (canvas.getContext("2d"));

  /**
   * Draws rows `[count, length]`, the first of which is row `first`, a multiple of the rows of a pixel. The largest weight
   * of a row is bright, whatever it is: a character that stands in many places has small ones.
   * @param {Float32Array} weights
   * @param {number} first
   */
  return (weights, first) => {
    const count = weights.length / length;
    const brightness = new Float32Array(Math.ceil(count / share) * size);
    for (let row = 0; row < count; row++) {
      const elements = weights.subarray(row * length, (row + 1) * length);
      const largest = elements.reduce((most, weight) => Math.max(most, weight));
      const start = Math.floor(row / share) * size;
      elements.forEach((weight, column) => {
        const pixel = start + Math.floor(column / share);
        brightness[pixel] = Math.max(brightness[pixel], weight / largest);
      });
    }
    const image = context.createImageData(size, brightness.length / size);
    // The root makes small weights visible beside large ones.
    brightness.forEach((value, pixel) => image.data.set(colors[Math.round(255 * Math.sqrt(value))], 4 * pixel));
    context.putImageData(image, 0, first / share);
  };
}
