// An application that imports the package, with a dependency that requires it: there must be one copy, with one memory.
import { Tensor } from "wasm-attention";
import { attendInBoth } from "./attend.js";
import dependency from "./dependency.cjs";

if (dependency.Tensor !== Tensor) throw new Error("import and require gave two copies");
// The test reads it.
globalThis.result = attendInBoth();
