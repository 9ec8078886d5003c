// Runs ONNX models on onnxruntime-web's WebAssembly backend, on one thread.
import * as onnxruntime from "onnxruntime-web";

/** @typedef {import("./onnx-programs.mjs").Program} Program */

/**
 * @param {(benchmarkCase: import("../cases.mjs").Case) => Program | undefined} makeProgram
 * @returns {import("./adapter.mjs").Engine}
 */
export function openOnnxRuntimeWeb(makeProgram) {
  onnxruntime.env.wasm.numThreads = 1;
  onnxruntime.env.logLevel = "error";
  return {
    version: onnxruntime.env.versions.web ?? "",
    prepare(benchmarkCase) {
      const program = makeProgram(benchmarkCase);
      return program && startSession(program);
    },
  };
}

/**
 * @param {Program} program
 * @returns {Promise<import("./adapter.mjs").Job>}
 */
async function startSession({ model, feeds, toResult, weights }) {
  const session = await onnxruntime.InferenceSession.create(model, { executionProviders: ["wasm"] });
  const tensors = Object.fromEntries(
    feeds.map(({ name, dtype, shape, elements }) => [name, new onnxruntime.Tensor(dtype, elements, shape)]),
  );
  const compute = async (/** @type {string} */ name) => {
    const { [name]: tensor } = await session.run(tensors);
    return /** @type {Float32Array} */ (tensor.data);
  };
  return {
    run: () => session.run(tensors),
    result: async () => toResult(await compute(session.outputNames[0])),
    ...(weights !== undefined && { weights: () => compute(weights) }),
    close: () => session.release(),
  };
}
