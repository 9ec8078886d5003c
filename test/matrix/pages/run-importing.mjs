// The suite where modules can be imported when they are asked for.
import { measureInit } from "./measure-init.mjs";
import { describeSurroundings } from "./surroundings.mjs";

export async function run() {
  const start = performance.now();
  const { init } = await import("./node_modules/wasm-attention/dist/index.js");
  const imported = performance.now() - start;
  const startupMilliseconds = { import: imported, init: await measureInit(init) };
  const { runSuite } = await import("./suite.js");
  return { surroundings: describeSurroundings(), startupMilliseconds, ...(await runSuite()) };
}
