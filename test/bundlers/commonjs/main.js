// An application that imports the package, with a dependency that requires it: there must be one copy, with one memory and one
// tape.
import { Tensor } from "wasm-attention";
import { SGD } from "wasm-attention/train";
import { attendInBoth } from "./attend.js";
import dependency from "./dependency.cjs";

if (dependency.Tensor !== Tensor || dependency.SGD !== SGD) throw new Error("import and require gave two copies");
// The test reads it.
globalThis.result = attendInBoth();
