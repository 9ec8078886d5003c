// What `wasm-attention/fused.wasm` is for Vercel's edge runtime: of the file itself Turbopack would make an instance, and
// a subpath with `?module` it looks up among the exports, in vain.
import fused from "../wasm/fused.wasm?module";

const module: WebAssembly.Module = fused;
// eslint-disable-next-line import-x/no-default-export -- as the file has it for other hosts
export default module;
