import { printable } from "./labels.mjs";
import { print, write } from "./output.mjs";
import { formatRuntime, startRuntime } from "./runtime.mjs";
import { attendToFile } from "./tensors.mjs";
import { formatTimes } from "./timing.mjs";

/**
 * Attention on a user's own queries, keys and values.
 * @param {string} file
 * @param {Extract<import("./command-line.mjs").Request, { kind: "tensors" }>["options"]} options
 */
export async function showTensors(file, options) {
  const { runtime } = await startRuntime(options.deterministic);
  const { layout, numHeads, numKvHeads, scale, softcap, leftWindow, rightWindow, causalAlignment } = options;
  const { inputs, ignored, outputs, preview, save, milliseconds } = await attendToFile(file, {
    isCausal: options.causal,
    causalAlignment,
    layout,
    numHeads,
    numKvHeads,
    scale,
    softcap,
    leftWindowSize: leftWindow,
    rightWindowSize: rightWindow,
    needWeights: options.weights,
  });
  const { out } = options;
  if (out !== undefined) await write(out, save());
  if (options.json) {
    print(JSON.stringify({ file, inputs, ignored, outputs, out, milliseconds, runtime }));
    return;
  }
  for (const { name, dtype, shape } of [...inputs, ...outputs]) {
    print(`${printable(name).padEnd(10)} ${dtype.padEnd(8)} [${shape.join(", ")}]`);
  }
  if (ignored.length > 0) print(`not used: ${printable(ignored.join(", "))}`);
  if (out === undefined) print(`\n${preview}\n`);
  print(`${formatTimes(milliseconds)}.`);
  print(formatRuntime(runtime));
  if (out !== undefined) print(`Wrote ${out}.`);
}
