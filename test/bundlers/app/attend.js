// What every bundler packs: attention in both arithmetics, compared with the plain equation in float64.
import { init, memoryUsage, scaledDotProductAttention } from "wasm-attention";

const [B, H, L, D] = [1, 2, 33, 16];
const shape = [B, H, L, D];
const [query, key, value] = [37, 53, 71].map((step) =>
  Float32Array.from({ length: B * H * L * D }, (_, index) => ((index * step) % 101) / 50 - 1),
);

/** softmax(Q · Kᵀ / √D) · V of one head, where row i sees the keys 0 … i. */
function attendHead(Q, K, V) {
  const row = (matrix, index) => matrix.subarray(index * D, (index + 1) * D);
  return Array.from({ length: L }, (_, i) => {
    const scores = Array.from({ length: i + 1 }, (_, j) =>
      row(Q, i).reduce((sum, element, d) => sum + element * row(K, j)[d], 0),
    );
    const exponentials = scores.map((score) => Math.exp((score - Math.max(...scores)) / Math.sqrt(D)));
    const total = exponentials.reduce((sum, exponential) => sum + exponential, 0);
    return Array.from({ length: D }, (_, d) =>
      exponentials.reduce((sum, exponential, j) => sum + (exponential / total) * row(V, j)[d], 0),
    );
  }).flat();
}

const head = (array, index) => array.subarray(index * L * D, (index + 1) * L * D);
const expected = Array.from({ length: B * H }, (_, index) =>
  attendHead(head(query, index), head(key, index), head(value, index)),
).flat();

/** The largest difference from the equation, and the bits of the output, eight hexadecimal digits an element. */
function attend() {
  const { output } = scaledDotProductAttention(...[query, key, value].map((data) => ({ data, shape })), {
    isCausal: true,
  });
  const result = output.toArray();
  output.dispose();
  return {
    error: Math.max(...expected.map((element, index) => Math.abs(result[index] - element))),
    bits: Array.from(new Uint32Array(result.buffer), (word) => word.toString(16).padStart(8, "0")).join(""),
  };
}

/** By arithmetic: what `attend` found, and the bytes that are left over. */
export async function attendInBoth() {
  const results = {};
  for (const deterministic of [true, false]) {
    const runtime = await init({ deterministic });
    const before = memoryUsage().bytesInUse;
    results[runtime.arithmetic] = { ...attend(), left: memoryUsage().bytesInUse - before };
    runtime.dispose();
  }
  return results;
}
