// Files of tensors, for whichever entry makes the runtime.
export { type LoadedSafetensors, loadSafetensors } from "../io/load-safetensors.js";
export { type SavedTensors, saveSafetensors } from "../io/save-safetensors.js";
export type { UnsupportedTensor } from "../tensor/unsupported-tensor.js";
