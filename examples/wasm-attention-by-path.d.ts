/** The package as a page without a bundler imports it: by the place where `npm install` puts it. */
declare module "*/node_modules/wasm-attention/dist/index.js" {
  export * from "wasm-attention";
}
