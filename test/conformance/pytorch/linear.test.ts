/** Linear against PyTorch's nn.Linear, with its state dicts, and the activations after it. */
import { expect, it } from "vitest";
import { type TensorData } from "../../../ts/entry/default.js";
import { forEachArithmetic } from "../../support/arithmetics.js";
import { type CaseRecord, expectClose, loadCases } from "../records.js";
import { withoutLeak } from "../../support/without-leak.js";
import { constructLinear, loadState } from "./modules.js";

function run(pytorch: CaseRecord): void {
  const layer = constructLinear(pytorch);
  try {
    expect(Object.keys(layer.stateDict())).toEqual(pytorch.record.state);
    loadState(layer, pytorch);
    const output = layer.forward(pytorch.input("input") as TensorData);
    expectClose("output", output, pytorch.stored("outputs/output"), pytorch.record);
  } finally {
    layer.dispose();
  }
}

forEachArithmetic(() => {
  const cases = loadCases("pytorch/linear");

  it("has 45 cases", () => expect(cases.length).toBe(45));

  // Not `it.each`, which cuts long names short: scripts/conformance-table.mjs reads them from the report.
  for (const pytorch of cases) {
    it(`Linear: ${pytorch.name}`, () => withoutLeak(() => run(pytorch)));
  }
});
