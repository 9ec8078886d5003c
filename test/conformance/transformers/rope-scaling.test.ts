/** rotaryEmbedding with every scaling against the answers of Hugging Face's transformers. */
import { expect, it } from "vitest";
import { rotaryEmbedding, type Tensor, type TensorData } from "../../../ts/entry/default.js";
import { forEachArithmetic } from "../../support/arithmetics.js";
import { type CaseRecord, expectClose, loadCases } from "../records.js";
import { type RopeAttributes, ropeScalingOf } from "../rope-scaling.js";
import { withoutLeak } from "../../support/without-leak.js";

function run(transformers: CaseRecord): Tensor {
  const attributes = transformers.record.attributes as unknown as RopeAttributes;
  return rotaryEmbedding(transformers.input("query") as TensorData, {
    positionIds: transformers.input("position_ids") as TensorData,
    base: attributes.rope_theta,
    ropeScaling: ropeScalingOf(attributes),
  });
}

forEachArithmetic(() => {
  const cases = loadCases("transformers/rope_scaling");

  it("has 43 cases", () => expect(cases.length).toBe(43));

  // Not `it.each`, which cuts long names short: scripts/conformance-table.mjs reads them from the report.
  for (const transformers of cases) {
    it(`rope_scaling: ${transformers.name}`, () => {
      withoutLeak(() => {
        expectClose("output", run(transformers), transformers.stored("outputs/output"), transformers.record);
      });
    });
  }
});
