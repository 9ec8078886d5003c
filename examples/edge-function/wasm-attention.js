// The package as these hosts want it: they make a module of the one `.wasm` file that an entry file imports, and
// compile nothing else.
export * from "wasm-attention/slim";
