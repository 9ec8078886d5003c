/** Linear against PyTorch's nn.Linear, with its state dicts, and the activations after it. */
import { expect, it } from "vitest";
import { type Activation, Linear, type TensorData } from "../../../ts/entry/default.js";
import { forEachArithmetic } from "../../support/arithmetics.js";
import { type CaseRecord, expectClose, loadCases, toTensorData } from "../records.js";
import { withoutLeak } from "../../support/without-leak.js";

/** PyTorch's constructor arguments. */
interface ModuleRecord {
  readonly in_features: number;
  readonly out_features: number;
  readonly bias: boolean;
}

function activationOf({ record }: CaseRecord): Activation | undefined {
  const { activation, approximate } = record.attributes as { activation: Activation | null; approximate?: string };
  return approximate === "tanh" ? "gelu-tanh" : (activation ?? undefined);
}

function run(pytorch: CaseRecord): void {
  const { module, state = [] } = pytorch.record;
  const { in_features, out_features, bias } = module as unknown as ModuleRecord;
  const layer = new Linear(in_features, out_features, { bias, activation: activationOf(pytorch) });
  try {
    expect(Object.keys(layer.stateDict())).toEqual(state);
    layer.loadStateDict(Object.fromEntries(state.map((name) => [name, toTensorData(pytorch.stored(`state/${name}`))])));
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
