// onnxruntime, native, on one thread: python/onnx_runtime.py.
import { makeProgram } from "./onnx-programs.mjs";
import { openPython } from "./python-process.mjs";

/** @type {import("./adapter.mjs").Open} */
export const open = () =>
  openPython("onnx_runtime", (benchmarkCase) => {
    const program = makeProgram(benchmarkCase);
    // python/onnx_runtime.py gives back the first output alone.
    if (program === undefined || program.weights !== undefined) return undefined;
    const { model, feeds, toResult } = program;
    return { arrays: [...feeds, { name: "model", dtype: "uint8", shape: [model.length], elements: model }], toResult };
  });
