/** RotaryEmbedding, LayerNormalization, RMSNormalization and Gelu against every case of ONNX. */
import { expect, it } from "vitest";
import { gelu, layerNorm, rmsNorm, rotaryEmbedding, type Tensor, type TensorData } from "../../../ts/entry/default.js";
import { forEachArithmetic } from "../../support/arithmetics.js";
import { type CaseRecord, expectClose, loadCases, type Tolerances } from "../records.js";
import { withoutLeak } from "../../support/without-leak.js";

/** Tighter than ONNX's runner (rtol 1e-3): both sides compute in float32, with a few roundings each. */
const tolerances: Tolerances = { rtol: 1e-5, atol: 1e-6 };

/** ONNX's default, of both normalizations. */
const EPSILON = 1e-5;

const attribute = <T>(onnx: CaseRecord, name: string): T | undefined => onnx.record.attributes[name] as T | undefined;

function required(onnx: CaseRecord, name: string): TensorData {
  const input = onnx.input(name);
  if (input === undefined) throw new Error(`${onnx.name} has no ${name}`);
  return input;
}

/** Normalization is over the axes from `axis` on. */
function normalizedShape(onnx: CaseRecord): readonly number[] {
  return required(onnx, "X").shape.slice(attribute<number>(onnx, "axis") ?? -1);
}

interface Operator {
  readonly file: string;
  readonly count: number;
  readonly output: string;
  /** Attributes that the call takes into account. */
  readonly attributes: readonly string[];
  readonly run: (onnx: CaseRecord) => Tensor;
}

const operators: Operator[] = [
  {
    file: "rotary_embedding",
    count: 8,
    output: "output",
    attributes: ["interleaved", "rotary_embedding_dim", "num_heads"],
    run: (onnx) =>
      rotaryEmbedding(required(onnx, "input"), {
        cosine: required(onnx, "cos_cache"),
        sine: required(onnx, "sin_cache"),
        positionIds: onnx.input("position_ids"),
        interleaved: attribute<number>(onnx, "interleaved") === 1,
        rotaryDim: attribute<number>(onnx, "rotary_embedding_dim"),
        numHeads: attribute<number>(onnx, "num_heads"),
      }),
  },
  {
    // The operator's further outputs, Mean and InvStdDev, are for training; layerNorm gives Y alone, as PyTorch's does.
    file: "layer_normalization",
    count: 19,
    output: "Y",
    attributes: ["axis", "epsilon"],
    run: (onnx) => {
      const epsilon = attribute<number>(onnx, "epsilon") ?? EPSILON;
      return layerNorm(required(onnx, "X"), normalizedShape(onnx), required(onnx, "W"), onnx.input("B"), epsilon);
    },
  },
  {
    file: "rms_normalization",
    count: 19,
    output: "Y",
    attributes: ["axis", "epsilon"],
    run: (onnx) => {
      const epsilon = attribute<number>(onnx, "epsilon") ?? EPSILON;
      return rmsNorm(required(onnx, "X"), normalizedShape(onnx), required(onnx, "W"), epsilon);
    },
  },
  {
    file: "gelu",
    count: 4,
    output: "y",
    attributes: ["approximate"],
    run: (onnx) => gelu(required(onnx, "x"), { approximate: attribute<"none" | "tanh">(onnx, "approximate") }),
  },
];

forEachArithmetic(() => {
  for (const { file, count, output, attributes, run } of operators) {
    const cases = loadCases(`onnx/${file}`);

    it(`${file} has its ${count} cases, and no attribute that the calls leave out`, () => {
      expect(cases.length).toBe(count);
      for (const { record } of cases)
        expect(attributes).toEqual(expect.arrayContaining(Object.keys(record.attributes)));
    });

    // Not `it.each`, which cuts long names short: scripts/conformance-table.mjs reads them from the report.
    for (const onnx of cases) {
      it(`${file}: ${onnx.name}`, () => {
        withoutLeak(() => expectClose(output, run(onnx), onnx.stored(`outputs/${output}`), tolerances));
      });
    }
  }
});
