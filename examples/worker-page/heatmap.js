// Attention weights on a canvas, drawn as they come.

/** More rows than this share pixels: each shows the largest of its weights. */
const MOST_PIXELS = 1024;

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
 * Clears the canvas for the weights of `length` tokens, and returns what draws some of their rows.
 * @param {HTMLCanvasElement} canvas
 * @param {number} length
 */
export function startHeatmap(canvas, length) {
  const share = Math.ceil(length / MOST_PIXELS);
  const size = Math.ceil(length / share);
  canvas.width = size;
  canvas.height = size;
  const context = /** @type {CanvasRenderingContext2D} */ (canvas.getContext("2d"));

  /**
   * Draws rows `[count, length]`, the first of which is row `first`. Pixels never span two calls where `first` is a
   * multiple of `rowsPerPixel`.
   * @param {Float32Array} weights
   * @param {number} first
   */
  const draw = (weights, first) => {
    const count = weights.length / length;
    const height = Math.ceil(count / share);
    const image = context.createImageData(size, height);
    for (let y = 0; y < height; y++) {
      for (let x = 0; x < size; x++) {
        let largest = 0;
        for (let row = y * share; row < Math.min((y + 1) * share, count); row++) {
          for (let column = x * share; column < Math.min((x + 1) * share, length); column++) {
            largest = Math.max(largest, weights[row * length + column]);
          }
        }
        // The root makes small weights visible beside large ones.
        const brightness = Math.min(255, Math.round(255 * Math.sqrt(largest)));
        image.data.set(colors[brightness], 4 * (y * size + x));
      }
    }
    context.putImageData(image, 0, first / share);
  };
  return { draw, rowsPerPixel: share };
}
