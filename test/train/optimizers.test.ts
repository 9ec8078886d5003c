/** Optimizers: worked examples, PyTorch's formulas in float64, state, groups, clipping, averages, and what is refused. */
import { describe, expect, it } from "vitest";
import { Linear, memoryUsage, mul as _mul, Tensor } from "../../ts/entry/default.js";
