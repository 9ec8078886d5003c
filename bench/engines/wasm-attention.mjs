// This package, as `npm run build` leaves it in dist/.
import { init, Linear, scaledDotProductAttention, Tensor } from "../../dist/index.js";
import { DROPOUT_SEED } from "../cases.mjs";
import { makeInputs } from "../inputs.mjs";

/** @type {import("./adapter.mjs").Open} */
export async function open(arithmetic) {
  const runtime = await init({ deterministic: arithmetic === "separate" });
  if (runtime.arithmetic !== arithmetic) throw new Error("this host doesn't fuse multiply and add");
  return {
    version: runtime.version,
    prepare: (benchmarkCase) =>
      benchmarkCase.operation === "attention" ? prepareAttention(benchmarkCase) : prepareLinear(benchmarkCase),
  };
}

/**
 * @param {import("../cases.mjs").AttentionCase} attentionCase
 * @returns {import("./adapter.mjs").Job}
 */
function prepareAttention(attentionCase) {
  const { batch, heads, keyHeads, queryLength, keyLength, headSize, valueHeadSize } = attentionCase;
  const { layout, dtype, isCausal, causalAlignment, leftWindowSize, openKeys, softcap, dropoutP, needWeights } =
    attentionCase;
  const inputs = makeInputs(attentionCase);

  const tensor = (
    /** @type {Float32Array} */ elements,
    /** @type {number} */ count,
    /** @type {number} */ length,
    /** @type {number} */ size,
  ) => Tensor.from(elements, layout === "BHLD" ? [batch, count, length, size] : [batch, length, count, size], dtype);
  const query = tensor(inputs.query, heads, queryLength, headSize);
  const key = tensor(inputs.key, keyHeads, keyLength, headSize);
  const value = tensor(inputs.value, keyHeads, keyLength, valueHeadSize);
  const mask = inputs.mask && Tensor.from(inputs.mask, [queryLength, keyLength]);
  const { alibiSlopes, sinks } = inputs;
  const keyLengths = openKeys === undefined ? undefined : Array.from({ length: batch }, () => openKeys);

  const attend = () =>
    scaledDotProductAttention(query, key, value, {
      layout,
      isCausal,
      causalAlignment,
      ...(mask !== undefined && { attnMask: mask }),
      ...(leftWindowSize !== undefined && { leftWindowSize }),
      ...(keyLengths !== undefined && { keyLengths }),
      ...(alibiSlopes !== undefined && { alibiSlopes }),
      ...(sinks !== undefined && { sinks }),
      ...(softcap !== undefined && { softcap }),
      ...(dropoutP !== undefined && { dropoutP, seed: DROPOUT_SEED }),
      ...(needWeights !== undefined && { needWeights: needWeights === "all" ? true : { heads: [0] } }),
    });
  /** What one of the results holds. @param {"output" | "weights"} name */
  const take = (name) => {
    const results = attend();
    const float32 = results[name].to("float32");
    const elements = /** @type {Float32Array} */ (float32.toArray());
    dispose([results.output, results.weights, float32]);
    return elements;
  };
  return {
    run() {
      const { output, weights } = attend();
      dispose([output, weights]);
    },
    result: () => take("output"),
    weights: needWeights && (() => take("weights")),
    close: () => dispose([query, key, value, mask]),
  };
}

/**
 * @param {import("../cases.mjs").LinearCase} linearCase
 * @returns {import("./adapter.mjs").Job}
 */
function prepareLinear(linearCase) {
  const { rows, inFeatures, outFeatures, hasBias, activation } = linearCase;
  const inputs = makeInputs(linearCase);
  const input = Tensor.from(inputs.input, [rows, inFeatures]);
  const layer = new Linear(inFeatures, outFeatures, { bias: hasBias, activation });
  layer.loadStateDict({
    weight: { data: inputs.weight, shape: [outFeatures, inFeatures] },
    ...(inputs.bias && { bias: { data: inputs.bias, shape: [outFeatures] } }),
  });
  return {
    run: () => layer.forward(input).dispose(),
    result() {
      const output = layer.forward(input);
      const elements = /** @type {Float32Array} */ (output.toArray());
      output.dispose();
      return elements;
    },
    close: () => dispose([input, layer]),
  };
}

/** @param {readonly ({ dispose(): void } | undefined)[]} tensors */
const dispose = (tensors) => tensors.forEach((tensor) => tensor?.dispose());
