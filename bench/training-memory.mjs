// A program for a fresh process: the most WebAssembly memory that a training step of one attention layer takes, or of a
// stack of them, each added to its input, for sequences of the given length.
import { add, init, memoryUsage, MultiheadAttention, scope, Tensor } from "../dist/index.js";
import { AdamW, checkpoint, mseLoss } from "../dist/train.js";
import { makeGenerator, uniform } from "./inputs.mjs";

/**
 * @type {{ build: import("./engines.mjs").EngineBuild, layers: number, width: number, heads: number, length: number,
 *   hasCheckpoint: boolean }}
 */
const { build, layers, width, heads, length, hasCheckpoint } = JSON.parse(process.argv[2]);

await init({ deterministic: build.arithmetic === "separate" });
const stack = Array.from({ length: layers }, () => new MultiheadAttention(width, heads, { batchFirst: true }));
const optimizer = new AdamW(stack.flatMap((layer) => layer.parameters()));
const random = makeGenerator(1);
const [input, target] = [0, 1].map(() => Tensor.from(uniform(random, length * width, 1), [1, length, width]));

/** @param {Tensor} x */
function forward(x) {
  for (const layer of stack) {
    const attend = (/** @type {Tensor} */ given) =>
      add(given, layer.forward(given, given, given, { isCausal: true }).output);
    x = hasCheckpoint ? checkpoint(attend, x) : attend(x);
  }
  return x;
}

// The second step has the optimizer's averages from its beginning.
for (let step = 0; step < 2; step++) {
  scope(() => {
    mseLoss(forward(input), target).backward();
    optimizer.step();
    optimizer.zeroGrad();
  });
}

process.send?.(memoryUsage().bytesPeak, () => process.exit());
