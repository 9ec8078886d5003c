// The package, by its path: without a bundler nothing else finds it, and import maps don't reach into workers.
export * from "./node_modules/wasm-attention/dist/index.js";
export * from "./node_modules/wasm-attention/dist/nn.js";
export * from "./node_modules/wasm-attention/dist/train.js";
