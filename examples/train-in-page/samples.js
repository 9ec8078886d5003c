// Sequences of random digits, and the same ones reversed.
import { DIGITS, LENGTH } from "./task.js";
import { rand } from "./wasm-attention.js";

/**
 * The same seed gives the same samples on every host, so a training that goes on after a reload finds its data again.
 * @param {number} count
 * @param {number} seed
 */
export function makeSamples(count, seed) {
  const numbers = rand([count, LENGTH], { high: DIGITS, seed });
  const digits = numbers.toArray().map(Math.floor);
  numbers.dispose();
  const inputs = Array.from({ length: count }, (_, sample) =>
    Array.from(digits.subarray(sample * LENGTH, (sample + 1) * LENGTH)),
  );
  return { inputs, targets: inputs.map((sequence) => sequence.slice().reverse()) };
}
