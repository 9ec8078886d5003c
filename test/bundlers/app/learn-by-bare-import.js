// The tape by its effect alone.
import "wasm-attention/train";
import { mul, sum } from "wasm-attention";
import { learnInBoth } from "./learn.js";

/** The loss is the sum of squares. */
export const learn = () =>
  learnInBoth(
    (output) => sum(mul(output, output)),
    (outputs) => outputs.map((output) => 2 * output),
  );
