/** Embedding look-up. */
type Values = ArrayLike<number>;

/** Rows of table [rows, width] by index. */
export function embedding(table: Values, indices: ArrayLike<number>, width: number): Float64Array {
  const output = new Float64Array(indices.length * width);
  for (let n = 0; n < indices.length; n++) {
    for (let c = 0; c < width; c++) {
      output[n * width + c] = table[indices[n] * width + c];
    }
  }
  return output;
}

/** Of the table's rows: the sums of the gradients at their positions; 0 for the padding row. */
export function embeddingGradient(
  dy: Values,
  indices: ArrayLike<number>,
  rows: number,
  width: number,
  padding: number | undefined,
): Float64Array {
  const gradient = new Float64Array(rows * width);
  for (let n = 0; n < indices.length; n++) {
    if (indices[n] === padding) continue;
    for (let c = 0; c < width; c++) {
      gradient[indices[n] * width + c] += dy[n * width + c];
    }
  }
  return gradient;
}
