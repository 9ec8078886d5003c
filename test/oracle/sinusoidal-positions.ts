/** Sinusoidal positions in float64. */

/** "Attention is all you need" 3.5: column 2i is sin(position / 10000^(2i / width)), column 2i + 1 the cosine. */
export function sinusoidalPositions(rows: number, width: number): Float64Array {
  const output = new Float64Array(rows * width);
  for (let position = 0; position < rows; position++) {
    for (let c = 0; c < width; c++) {
      const angle = position / 10000 ** ((c - (c % 2)) / width);
      output[position * width + c] = c % 2 === 0 ? Math.sin(angle) : Math.cos(angle);
    }
  }
  return output;
}
