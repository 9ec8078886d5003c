/** How the bundlers of Vercel's edge runtime, and Nitro, want a `.wasm` file asked for, to get a module. */
declare module "*.wasm?module" {
  const module: WebAssembly.Module;
  // eslint-disable-next-line import-x/no-default-export -- as the bundlers have it
  export default module;
}
