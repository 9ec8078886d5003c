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
