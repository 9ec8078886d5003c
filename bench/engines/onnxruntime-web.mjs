// onnxruntime-web's WebAssembly backend on one thread, by ONNX's own operators.
import { makeProgram } from "./onnx-programs.mjs";
import { openOnnxRuntimeWeb } from "./onnxruntime-web-session.mjs";

/** @type {import("./adapter.mjs").Open} */
export const open = () => openOnnxRuntimeWeb(makeProgram);
