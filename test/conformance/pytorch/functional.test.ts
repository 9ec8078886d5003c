/** The operations around attention against PyTorch's answers. */
import { expect, it } from "vitest";
import {
  embedding,
  gelu,
  layerNorm,
  linear,
  relu,
  rmsNorm,
  silu,
  softmax,
  type Tensor,
  type TensorData,
} from "../../../ts/entry/default.js";
import { forEachArithmetic } from "../../support/arithmetics.js";
import { type CaseRecord, expectClose, loadCases, requiredInput } from "../records.js";
import { withoutLeak } from "../../support/without-leak.js";

function run(pytorch: CaseRecord): Tensor {
  const { operator, attributes } = pytorch.record;
  const input = (): TensorData => requiredInput(pytorch, "input");
  const normalizedShape = attributes["normalized_shape"] as number[];
  const epsilon = (attributes["eps"] as number | null) ?? undefined;
  switch (operator) {
    case "layer_norm":
      return layerNorm(input(), normalizedShape, pytorch.input("weight"), pytorch.input("bias"), epsilon);
    case "rms_norm":
      return rmsNorm(input(), normalizedShape, pytorch.input("weight"), epsilon);
    case "gelu":
      return gelu(input(), { approximate: attributes["approximate"] as "none" | "tanh" });
    case "silu":
      return silu(input());
    case "relu":
      return relu(input());
    case "softmax":
      return softmax(input(), { axis: attributes["dim"] as number });
    case "linear":
      return linear(input(), requiredInput(pytorch, "weight"), pytorch.input("bias"));
    case "embedding":
      return embedding(requiredInput(pytorch, "indices"), requiredInput(pytorch, "weight"));
    default:
      throw new Error(`${pytorch.name}: no operation of ours for ${operator}`);
  }
}

forEachArithmetic(() => {
  const cases = loadCases("pytorch/functional");

  it("has 99 cases", () => expect(cases.length).toBe(99));

  // Not `it.each`, which cuts long names short: scripts/conformance-table.mjs reads them from the report.
  for (const pytorch of cases) {
    it(`functional: ${pytorch.name}`, () => {
      withoutLeak(() => expectClose("output", run(pytorch), pytorch.stored("outputs/output"), pytorch.record));
    });
  }
});
