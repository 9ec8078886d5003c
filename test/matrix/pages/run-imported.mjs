// The suite where every module is there before the first statement runs, as in service workers, which refuse `import()`.
import { init } from "./node_modules/wasm-attention/dist/index.js";
import { measureInit } from "./measure-init.mjs";
import { runSuite } from "./suite.js";
import { describeSurroundings } from "./surroundings.mjs";

export async function run() {
  const startupMilliseconds = { import: null, init: await measureInit(init) };
  return { surroundings: describeSurroundings(), startupMilliseconds, ...(await runSuite()) };
}
