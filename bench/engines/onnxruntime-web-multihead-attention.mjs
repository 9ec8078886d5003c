// onnxruntime-web's WebAssembly backend on one thread, by its own operator for attention.
import { makeMultiHeadAttention } from "./onnx-programs.mjs";
import { openOnnxRuntimeWeb } from "./onnxruntime-web-session.mjs";

/** @type {import("./adapter.mjs").Open} */
export const open = () => openOnnxRuntimeWeb(makeMultiHeadAttention);
