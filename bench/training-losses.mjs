// Prints the losses of the training step's first steps by PyTorch in float64, which stand in cases.mjs and which every engine is
// held against: `PYTHON=venv/bin/python node bench/training-losses.mjs`.
import { cases } from "./cases.mjs";
import { open } from "./engines/pytorch.mjs";

const engine = await open("native", { name: "PyTorch", adapter: "engines/pytorch.mjs", arithmetic: "native" });
for (const trainingCase of cases) {
  if (trainingCase.operation !== "training step") continue;
  const job = await engine.prepare(/** @type {typeof trainingCase} */ ({ ...trainingCase, dtype: "float64" }));
  console.log(trainingCase.name, await job?.result());
}
process.exit();
