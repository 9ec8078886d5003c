// onnxruntime-web's WebAssembly backend on one thread, by ONNX's own operators.
import * as onnxruntime from "onnxruntime-web";
import { makeAttentionModel, makeLinearModel } from "./onnx-model.mjs";

/** @type {import("./adapter.mjs").Open} */
export function open() {
  onnxruntime.env.wasm.numThreads = 1;
  onnxruntime.env.logLevel = "error";
  return { version: onnxruntime.env.versions.web ?? "", prepare };
}

/** @param {import("../cases.mjs").Case} benchmarkCase */
async function prepare(benchmarkCase) {
  const model =
    benchmarkCase.operation === "attention" ? makeAttentionModel(benchmarkCase) : makeLinearModel(benchmarkCase);
  return model && (await prepareModel(model));
}

/**
 * A model in a session, with its inputs in place.
 * @param {import("./onnx-model.mjs").Model} model
 * @returns {Promise<import("./adapter.mjs").Job>}
 */
export async function prepareModel({ bytes, feeds }) {
  const session = await onnxruntime.InferenceSession.create(bytes, { executionProviders: ["wasm"] });
  const tensors = Object.fromEntries(
    Object.entries(feeds).map(([name, { type, shape, elements }]) => [
      name,
      new onnxruntime.Tensor(type, elements, shape),
    ]),
  );
  return {
    run: () => session.run(tensors),
    async result() {
      const { Y } = await session.run(tensors);
      return /** @type {Float32Array} */ (Y.data);
    },
    close: () => session.release(),
  };
}
