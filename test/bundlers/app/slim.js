// What the documentation tells users who want one of the two files, where no bytes are compiled.
import separate from "wasm-attention/separate.wasm?module";
import { init, softmax } from "wasm-attention/slim";

export async function softmaxInSlim() {
  const { arithmetic } = await init({ module: separate });
  const weights = softmax({ data: [5, 5], shape: [2] });
  const result = { arithmetic, weights: weights.toNested() };
  weights.dispose();
  return result;
}
