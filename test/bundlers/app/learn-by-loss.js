// The tape by the import of one function that uses nothing of it.
import { crossEntropy } from "wasm-attention/train";
import { learnInBoth } from "./learn.js";

/** The loss is the cross entropy of the second class. */
export const learn = () =>
  learnInBoth(
    (logits) => crossEntropy(logits, [1]),
    (logits) => {
      const exponentials = logits.map(Math.exp);
      const total = exponentials.reduce((sum, exponential) => sum + exponential);
      return exponentials.map((exponential, index) => exponential / total - index);
    },
  );
