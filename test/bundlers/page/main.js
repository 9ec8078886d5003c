import { attendInBoth } from "./attend.js";

// The test reads it.
globalThis.result = attendInBoth();
