/** loadSafetensors and saveSafetensors. */
import { loadSafetensors, saveSafetensors } from "../../../ts/entry/default.js";
import { randomOperand } from "../layer-operands.js";
import { type Disposable, floats, type OperationRecord } from "../operation.js";

const tensors = {
  a: randomOperand(1, "float32", [9999]),
  b: randomOperand(2, "bfloat16", [5000]),
};

const loaded = (bytes: Uint8Array): Disposable[] => [...loadSafetensors(bytes).tensors.values()];

const NO_KERNEL = "it copies";

export const safetensorsRecords: readonly OperationRecord[] = [
  {
    name: "loadSafetensors",
    family: "io/load-safetensors",
    computes: "the tensors of a file",
    error: "none: bit for bit",
    property: { suite: "io/safetensors" },
    gradient: { none: "files hold elements, not how they were computed" },
    refusals: { suite: "io/safetensors" },
    call: () => loaded(saveSafetensors({ x: floats(2, 3) })),
    memory: { loadSafetensors: () => loaded(saveSafetensors(tensors)) },
    mixture: (n) => loaded(saveSafetensors({ x: floats(n), y: { data: new Int32Array(n), shape: [n] } })),
    bits: { none: NO_KERNEL },
  },
  {
    name: "saveSafetensors",
    family: "io/save-safetensors",
    computes: "a file of tensors",
    error: "none: bit for bit",
    property: { suite: "io/safetensors" },
    gradient: { none: "files hold elements, not how they were computed" },
    refusals: { suite: "io/safetensors" },
    call: () => (saveSafetensors({ x: floats(2, 3) }), []),
    memory: { saveSafetensors: () => (saveSafetensors(tensors), []) },
    mixture: (n) => (saveSafetensors({ x: floats(n) }), []),
    bits: { none: NO_KERNEL },
  },
];
