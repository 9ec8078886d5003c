/** How the bundlers of Vercel's edge runtime want a `.wasm` file asked for, to get a module. */
declare module "*.wasm?module" {
  const module: WebAssembly.Module;
  export default module;
}
