import { acceptsRelaxedSimd, relaxedMultiplyAddBytes, roundsOnce } from "./probes.js";

/** Whether the host fuses, by compiling and running the smallest module that shows it. */
export function hostFuses(): boolean {
  if (!acceptsRelaxedSimd()) return false;
  try {
    const { exports } = new WebAssembly.Instance(new WebAssembly.Module(relaxedMultiplyAddBytes()));
    return roundsOnce(exports["f"] as (a: number, b: number, c: number) => number);
  } catch {
    // Code generation is forbidden: loading the package's own module fails next, and says why.
    return false;
  }
}
