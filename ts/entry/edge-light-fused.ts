// What `wasm-attention/fused.wasm?module` is: Turbopack looks up a subpath among the exports with its `?module`. Other bundlers for
// Vercel's edge runtime take `?module` off, look up the file itself, and make a module of it.
import fused from "../wasm/fused.wasm?module";

const module: WebAssembly.Module = fused;
// eslint-disable-next-line import-x/no-default-export -- as the file has it for other hosts
export default module;
