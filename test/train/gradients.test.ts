/** The gradient of every operation: its formula against central differences, the package's against the formula. */
import { operations } from "../cases/operations.js";
import { testGradients } from "../support/gradient-trials.js";

testGradients(
  operations.flatMap(({ name, gradient }) =>
    gradient !== undefined && "trials" in gradient ? [{ name, ...gradient }] : [],
  ),
);
