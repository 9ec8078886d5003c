/** torch.matmul in float64. */
import { broadcastShape, elementsOf } from "./broadcasting.js";
import type { Operand } from "./elementwise.js";

/** Sums of the result, or gradients, with Σ of the absolute values of their terms and the number of these. */
export interface Sums {
  readonly values: Float64Array;
  readonly absolute: Float64Array;
  readonly terms: Float64Array;
}

const product = (shape: readonly number[]): number => shape.reduce((count, size) => count * size, 1);

const sums = (length: number): Sums => ({
  values: new Float64Array(length),
  absolute: new Float64Array(length),
  terms: new Float64Array(length),
});

function addTerm({ values, absolute, terms }: Sums, place: number, term: number): void {
  values[place] += term;
  absolute[place] += Math.abs(term);
  terms[place] += 1;
}

/** The shape of the result: a vector counts as a row before a matrix, as a column behind it, and that axis goes. */
export function matmulShape(a: readonly number[], b: readonly number[]): number[] {
  const batch = broadcastShape(a.slice(0, -2), b.slice(0, -2));
  return [...batch, ...a.slice(-2, -1), ...(b.length === 1 ? [] : b.slice(-1))];
}

/** Calls `visit` with the places of the output, of a and of b for every product output = Σ a · b. */
function forEachProduct(
  a: readonly number[],
  b: readonly number[],
  visit: (output: number, a: number, b: number) => void,
): void {
  const [rows, depth] = [a[a.length - 2] ?? 1, a[a.length - 1]];
  const columns = b.length === 1 ? 1 : b[b.length - 1];
  const [batchOfA, batchOfB] = [a.slice(0, -2), b.slice(0, -2)];
  const batch = broadcastShape(batchOfA, batchOfB);
  const [matricesOfA, matricesOfB] = [elementsOf(batch, batchOfA), elementsOf(batch, batchOfB)];
  matricesOfA.forEach((matrixOfA, n) => {
    for (let m = 0; m < rows; m++) {
      for (let c = 0; c < columns; c++) {
        for (let k = 0; k < depth; k++) {
          const place = (n * rows + m) * columns + c;
          visit(place, (matrixOfA * rows + m) * depth + k, (matricesOfB[n] * depth + k) * columns + c);
        }
      }
    }
  });
}

export function matmul(a: Operand, b: Operand): Sums {
  const output = sums(product(matmulShape(a.shape, b.shape)));
  forEachProduct(a.shape, b.shape, (place, i, j) => addTerm(output, place, a.values[i] * b.values[j]));
  return output;
}

/** dA = dy · Bᵀ and dB = Aᵀ · dy, summed over the batches that were broadcast. */
export function gradientsOfMatmul(dy: ArrayLike<number>, a: Operand, b: Operand): Readonly<Record<"a" | "b", Sums>> {
  const gradients = { a: sums(a.values.length), b: sums(b.values.length) };
  forEachProduct(a.shape, b.shape, (place, i, j) => {
    addTerm(gradients.a, i, dy[place] * b.values[j]);
    addTerm(gradients.b, j, dy[place] * a.values[i]);
  });
  return gradients;
}
