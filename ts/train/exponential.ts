import { callKernel } from "../runtime/kernels.js";

/** e^x from Rust, since hosts differ in the last bits of theirs. */
export const exponential = (operation: string, x: number): number =>
  callKernel(operation, (kernels) => kernels.exponential(x));
