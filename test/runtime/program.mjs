// What runs in every runtime: one attention call in each arithmetic, and what an entry that takes modules only refuses.
import { init, Linear, rand, scaledDotProductAttention } from "wasm-attention";
import { loadSafetensors, saveSafetensors } from "wasm-attention/io";
import * as nn from "wasm-attention/nn";

/** The bits of an attention call's output, one hexadecimal word an element. */
export function attend() {
  const shape = [1, 2, 33, 16];
  const values = (/** @type {number} */ step) =>
    Float32Array.from({ length: 2 * 33 * 16 }, (_, index) => ((index * step) % 101) / 50 - 1);
  const [query, key, value] = [37, 53, 71].map((step) => ({ data: values(step), shape }));
  const { output } = scaledDotProductAttention(query, key, value, { isCausal: true });
  const bits = output.toArray();
  output.dispose();
  return Array.from(new Uint32Array(bits.buffer), (word) => word.toString(16)).join(" ");
}

/** The code of the error that a promise rejects with. */
const codeOf = (/** @type {Promise<unknown>} */ promise) =>
  promise.then(
    () => "no error",
    (error) => error.code ?? error.message,
  );

/** @returns {Promise<{ bits: Record<string, string>, compiling: string, bytes: string, memory: string }>} */
export async function run() {
  // The smallest module: where this isn't refused, the run proves nothing.
  const empty = Uint8Array.of(0, 0x61, 0x73, 0x6d, 1, 0, 0, 0);
  const compiling = await codeOf(WebAssembly.compile(empty));
  const bytes = await codeOf(init({ module: empty }));
  /** @type {Record<string, string>} */
  const bits = {};
  let memory = "";
  for (const deterministic of [true, false]) {
    const runtime = await init({ deterministic });
    bits[runtime.arithmetic] = attend();
    memory = await codeOf((async () => rand([110 * 2 ** 18]))());
    if (attend() !== bits[runtime.arithmetic]) throw new Error("the runtime isn't usable after running out of memory");
    // The subpaths have no entries of their own for these hosts: they share the one's runtime.
    const layer = new nn.Linear(2, 1);
    const { missingKeys } = layer.loadStateDict(loadSafetensors(saveSafetensors(layer.stateDict())).tensors);
    if (nn.Linear !== Linear || missingKeys.length > 0) throw new Error("the subpaths are another copy");
    runtime.dispose();
  }
  return { bits, compiling, bytes, memory };
}
