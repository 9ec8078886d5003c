/** The gradients of the operations around attention against PyTorch's. */
import { expect, it } from "vitest";
import {
  add,
  cat,
  conv1d,
  embedding,
  gelu,
  layerNorm,
  linear,
  logSoftmax,
  maskedMean,
  matmul,
  mean,
  mul,
  narrow,
  normalize,
  relu,
  rmsNorm,
  rotaryEmbedding,
  sigmoid,
  silu,
  softmax,
  sum,
  swiglu,
  tanh,
  type Tensor,
  type TensorData,
  topk,
  transpose,
} from "../../../ts/entry/default.js";
import { forEachArithmetic } from "../../support/arithmetics.js";
import { withoutLeak } from "../../support/without-leak.js";
import { expectGradients, type Operands, operandsOf } from "../gradients.js";
import { type CaseRecord, loadCases } from "../records.js";
import { constructLinear, loadState } from "./modules.js";

type Attributes = Readonly<Record<string, unknown>>;

const input = (operands: Operands): Tensor => operands.get("input") as Tensor;
const other = (operands: Operands, name = "other"): Tensor => operands.get(name) as Tensor;
const constant = (operands: Operands, name: string): TensorData => operands.get(name) as TensorData;
const axis = (attributes: Attributes, name = "dim"): number => attributes[name] as number;
const axes = ({ dim, keepdim }: Attributes): { axis: number[] | undefined; keepDims: boolean } => ({
  axis: (dim as number[] | null) ?? undefined,
  keepDims: keepdim as boolean,
});

/** The package's call for every operator of the records. */
const calls: Readonly<Record<string, (operands: Operands, attributes: Attributes) => Tensor>> = {
  layer_norm: (x, { normalized_shape, eps }) =>
    layerNorm(input(x), normalized_shape as number[], x.get("weight"), x.get("bias"), eps as number),
  rms_norm: (x, { normalized_shape, eps }) =>
    rmsNorm(input(x), normalized_shape as number[], x.get("weight"), eps as number),
  gelu: (x, { approximate }) => gelu(input(x), { approximate: approximate as "none" | "tanh" }),
  silu: (x) => silu(input(x)),
  relu: (x) => relu(input(x)),
  sigmoid: (x) => sigmoid(input(x)),
  tanh: (x) => tanh(input(x)),
  softmax: (x, attributes) => softmax(input(x), { axis: axis(attributes) }),
  log_softmax: (x, attributes) => logSoftmax(input(x), { axis: axis(attributes) }),
  linear: (x) => linear(input(x), other(x, "weight"), x.get("bias")),
  embedding: (x, { padding_idx }) =>
    embedding(constant(x, "indices"), other(x, "weight"), { paddingIdx: (padding_idx as number | null) ?? undefined }),
  add: (x) => add(input(x), other(x)),
  mul: (x) => mul(input(x), other(x)),
  matmul: (x) => matmul(input(x), other(x)),
  sum: (x, attributes) => sum(input(x), axes(attributes)),
  mean: (x, attributes) => mean(input(x), axes(attributes)),
  cat: (x, attributes) => cat([...x.values()].slice(0, -1), { axis: axis(attributes) }),
  narrow: (x, attributes) =>
    narrow(input(x), axis(attributes), attributes["start"] as number, attributes["length"] as number),
  transpose: (x, attributes) => transpose(input(x), axis(attributes, "dim0"), axis(attributes, "dim1")),
  topk: (x, { k }) => topk(input(x), k as number).values,
  normalize: (x) => normalize(input(x)),
  swiglu: (x) => swiglu(input(x), other(x, "gate")),
  rotary: (x, { interleaved }) =>
    rotaryEmbedding(input(x), {
      cosine: constant(x, "cosine"),
      sine: constant(x, "sine"),
      positionIds: 0,
      interleaved: interleaved as boolean,
    }),
  masked_mean: (x) => maskedMean(input(x), constant(x, "mask")),
  conv1d: (x, { stride, padding, dilation, groups }) =>
    conv1d(input(x), other(x, "weight"), x.get("bias"), { stride, padding, dilation, groups } as Record<
      string,
      number
    >),
};

function run(pytorch: CaseRecord): void {
  const { operator, attributes } = pytorch.record;
  const operands = operandsOf(pytorch);
  if (operator !== "Linear") {
    expectGradients(pytorch, operands, { output: calls[operator](operands, attributes) });
    return;
  }
  const layer = constructLinear(pytorch);
  try {
    loadState(layer, pytorch);
    expectGradients(pytorch, operands, { output: layer.forward(input(operands)) }, layer.namedParameters());
  } finally {
    layer.dispose();
  }
}

forEachArithmetic(() => {
  const cases = loadCases("pytorch/functional_gradients");

  it("has 157 cases", () => expect(cases.length).toBe(157));

  // Not `it.each`, which cuts long names short: scripts/conformance-table.mjs reads them from the report.
  for (const pytorch of cases) {
    it(`functional_gradients: ${pytorch.name}`, () => withoutLeak(() => run(pytorch)));
  }
});
