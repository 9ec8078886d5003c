// onnxruntime-web's WebAssembly backend on one thread, by ONNX's operator Attention.
import * as onnxruntime from "onnxruntime-web";
import { makeInputs } from "../inputs.mjs";
import { encodeAttentionModel } from "./onnx-model.mjs";

/** @type {import("./adapter.mjs").Open} */
export function open() {
  onnxruntime.env.wasm.numThreads = 1;
  onnxruntime.env.logLevel = "error";
  return { version: onnxruntime.env.versions.web ?? "", prepare };
}

/** @param {import("./adapter.mjs").AttentionCase} attentionCase */
async function prepare(attentionCase) {
  const { batch, heads, queryLength, keyLength, headSize } = attentionCase;
  const session = await onnxruntime.InferenceSession.create(encodeAttentionModel(attentionCase), {
    executionProviders: ["wasm"],
  });
  const inputs = makeInputs(attentionCase);
  const tensor = (/** @type {Float32Array} */ elements, /** @type {number} */ length) =>
    new onnxruntime.Tensor("float32", elements, [batch, heads, length, headSize]);
  const feeds = {
    Q: tensor(inputs.query, queryLength),
    K: tensor(inputs.key, keyLength),
    V: tensor(inputs.value, keyLength),
  };
  return {
    run: () => session.run(feeds),
    async result() {
      const { Y } = await session.run(feeds);
      return /** @type {Float32Array} */ (Y.data);
    },
    close: () => session.release(),
  };
}
