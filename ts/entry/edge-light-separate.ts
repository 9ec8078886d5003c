// What `wasm-attention/separate.wasm?module` is: Turbopack looks up a subpath among the exports with its `?module`. Other bundlers for
// Vercel's edge runtime take `?module` off, look up the file itself, and make a module of it.
import separate from "../wasm/separate.wasm?module";

const module: WebAssembly.Module = separate;
// eslint-disable-next-line import-x/no-default-export -- as the file has it for other hosts
export default module;
