/** @typedef {import("wasm-attention").Tensor} Tensor */

const MOST_CALLS = 10;
const ENOUGH_MILLISECONDS = 100;

/**
 * Calls a function some times, a long one once, and returns its last result with the times of the first and the fastest
 * call: in the first one the host also makes machine code of the kernels.
 * @template {{ output: Tensor, weights?: Tensor }} Result
 * @param {() => Result} call
 */
export function timed(call) {
  let fastest = Infinity;
  let first = 0;
  let total = 0;
  for (let calls = 1; ; calls++) {
    const start = performance.now();
    const result = call();
    const milliseconds = performance.now() - start;
    if (calls === 1) first = milliseconds;
    fastest = Math.min(fastest, milliseconds);
    total += milliseconds;
    if (calls === MOST_CALLS || total >= ENOUGH_MILLISECONDS)
      return { ...result, milliseconds: { first, fastest, calls } };
    result.output.dispose();
    result.weights?.dispose();
  }
}

/** @param {number} milliseconds */
export const formatTime = (milliseconds) =>
  milliseconds < 100 ? `${milliseconds.toPrecision(2)} ms` : `${(milliseconds / 1000).toPrecision(3)} s`;

/** @param {{ first: number, fastest: number, calls: number }} times */
export const formatTimes = ({ first, fastest, calls }) =>
  calls === 1
    ? `Attention took ${formatTime(first)}`
    : `Attention took ${formatTime(fastest)} (the fastest of ${calls} calls; the first ${formatTime(first)})`;
