// What is learned: to sort eight digits. For each place the digit that belongs there, wherever it stands.
import { rand, scope } from "wasm-attention";

const LENGTH = 8;

/**
 * Rows of digits, and the same rows in order, by the package's generator: the same for a seed everywhere.
 * @param {number} count
 */
export function examples(count) {
  const numbers = scope(() => rand([count * LENGTH]).toArray());
  const inputs = Array.from({ length: count }, (_, n) =>
    Array.from(numbers.subarray(n * LENGTH, (n + 1) * LENGTH), (u) => Math.floor(u * 10)),
  );
  return { inputs, targets: inputs.map((digits) => [...digits].sort()) };
}
