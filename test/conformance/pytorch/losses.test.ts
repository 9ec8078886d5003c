/** Losses and their gradients against PyTorch's. */
import { expect, it } from "vitest";
import { logSoftmax, type Tensor, type TensorData } from "../../../ts/entry/default.js";
import {
  binaryCrossEntropyWithLogits,
  crossEntropy,
  ctcLoss,
  distillationLoss,
  mseLoss,
} from "../../../ts/entry/train.js";
import { forEachArithmetic } from "../../support/arithmetics.js";
import { withoutLeak } from "../../support/without-leak.js";
import { expectGradients, type Operands, operandsOf } from "../gradients.js";
import { loadCases } from "../records.js";

interface LossAttributes {
  readonly reduction: "mean" | "sum" | "none";
  readonly ignore_index: number;
  readonly label_smoothing: number;
  readonly blank: number;
  readonly zero_infinity: boolean;
  readonly temperature: number;
}

const leaf = (operands: Operands, name = "input"): Tensor => operands.get(name) as Tensor;
const constant = (operands: Operands, name: string): TensorData => operands.get(name) as TensorData;

/** The package's call for every operator of the records. */
const calls: Readonly<Record<string, (operands: Operands, attributes: LossAttributes) => Tensor>> = {
  cross_entropy: (x, { reduction, ignore_index, label_smoothing }) =>
    crossEntropy(leaf(x), constant(x, "target"), {
      weight: x.get("weight"),
      ignoreIndex: ignore_index,
      labelSmoothing: label_smoothing,
      reduction,
    }),
  binary_cross_entropy_with_logits: (x, { reduction }) =>
    binaryCrossEntropyWithLogits(leaf(x), constant(x, "target"), {
      weight: x.get("weight"),
      posWeight: x.get("pos_weight"),
      reduction,
    }),
  mse_loss: (x, { reduction }) => mseLoss(leaf(x), constant(x, "target"), { reduction }),
  ctc_loss: (x, { reduction, blank, zero_infinity }) =>
    ctcLoss(
      logSoftmax(leaf(x, "logits")),
      constant(x, "targets"),
      constant(x, "input_lengths"),
      constant(x, "target_lengths"),
      { blank, zeroInfinity: zero_infinity, reduction },
    ),
  distillation: (x, { temperature }) => distillationLoss(leaf(x, "student"), constant(x, "teacher"), { temperature }),
};

forEachArithmetic(() => {
  const cases = loadCases("pytorch/losses");

  it("has 80 cases", () => expect(cases.length).toBe(80));

  // Not `it.each`, which cuts long names short: scripts/conformance-table.mjs reads them from the report.
  for (const pytorch of cases) {
    it(`losses: ${pytorch.name}`, () => {
      withoutLeak(() => {
        const operands = operandsOf(pytorch);
        const { operator, attributes } = pytorch.record;
        const loss = calls[operator](operands, attributes as unknown as LossAttributes);
        expectGradients(pytorch, operands, { loss });
      });
    });
  }
});
