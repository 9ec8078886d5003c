// Next.js compiles an edge route's `.wasm` files with the Node that builds. Node 20 knows relaxed SIMD, but needs this.
import { setFlagsFromString } from "node:v8";

setFlagsFromString("--experimental-wasm-relaxed-simd");
