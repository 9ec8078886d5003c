// The program for pages that may not compile WebAssembly: how the package says so.
import { init } from "./node_modules/wasm-attention/dist/index.js";
import { describeSurroundings } from "./surroundings.mjs";

export async function run() {
  const { code, message } = await init().then(
    () => ({ code: "none", message: "init didn't reject" }),
    (error) => error,
  );
  return { surroundings: describeSurroundings(), code, message };
}
