// This package, as `npm run build` leaves it in dist/.
import { init, scaledDotProductAttention, Tensor } from "../../dist/index.js";
import { makeInputs } from "../inputs.mjs";

/** @type {import("./adapter.mjs").Open} */
export async function open(arithmetic) {
  const runtime = await init({ deterministic: arithmetic === "separate" });
  if (runtime.arithmetic !== arithmetic) throw new Error("this host doesn't fuse multiply and add");
  return { version: runtime.version, prepare };
}

/** @param {import("./adapter.mjs").AttentionCase} attentionCase */
function prepare(attentionCase) {
  const { batch, heads, queryLength, keyLength, headSize, isCausal } = attentionCase;
  const inputs = makeInputs(attentionCase);
  const query = Tensor.from(inputs.query, [batch, heads, queryLength, headSize]);
  const key = Tensor.from(inputs.key, [batch, heads, keyLength, headSize]);
  const value = Tensor.from(inputs.value, [batch, heads, keyLength, headSize]);
  const attend = () => scaledDotProductAttention(query, key, value, { isCausal }).output;
  return {
    run: () => attend().dispose(),
    result() {
      const output = attend();
      const elements = /** @type {Float32Array} */ (output.toArray());
      output.dispose();
      return elements;
    },
    close: () => [query, key, value].forEach((tensor) => tensor.dispose()),
  };
}
