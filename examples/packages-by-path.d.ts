/** Packages as a page without a bundler imports them: by the places where `npm install` puts them. */
declare module "*/node_modules/wasm-attention/dist/index.js" {
  export * from "wasm-attention";
}
declare module "*/node_modules/wasm-attention/dist/nn.js" {
  export * from "wasm-attention/nn";
}
declare module "*/node_modules/wasm-attention/dist/train.js" {
  export * from "wasm-attention/train";
}
declare module "*/node_modules/idb-keyval/dist/index.js" {
  export * from "idb-keyval";
}
declare module "*/node_modules/uplot/dist/uPlot.esm.js" {
  export { default } from "uplot";
}
