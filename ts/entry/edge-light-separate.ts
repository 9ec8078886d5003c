// What `wasm-attention/separate.wasm?module` is for Turbopack, which looks up a subpath among the exports with its `?module`. Other
// bundlers take `?module` off, look up the file itself, and make a module of it. wrangler 4.60 makes one of
// what it finds with `?module`: by the condition `workerd` that is the file.
import separate from "../wasm/separate.wasm?module";

const module: WebAssembly.Module = separate;
// eslint-disable-next-line import-x/no-default-export -- as the file has it for other hosts
export default module;
