/** The transformer's layers, stacks and the whole against PyTorch: state dicts, results, gradients, twenty training steps. */
import { expect, it } from "vitest";
import { memoryUsage, type Module, scope, Tensor, type TensorLike } from "../../../ts/entry/default.js";
import {
  Transformer,
  TransformerDecoder,
  TransformerDecoderLayer,
  TransformerEncoder,
  TransformerEncoderLayer,
} from "../../../ts/entry/nn.js";
import { AdamW, backward, mseLoss } from "../../../ts/entry/train.js";
import { forEachArithmetic } from "../../support/arithmetics.js";
import { withoutLeak } from "../../support/without-leak.js";
import { operandsOf } from "../gradients.js";
import { type CaseRecord, expectAnswers, loadCases, requiredInput, toTensorData } from "../records.js";
import {
  constructorArguments,
  constructTransformer,
  type ForwardArguments,
  stateOf,
  stateShapes,
} from "./transformer-modules.js";

/** A flag of PyTorch's, which has no effect there without the mask that it tells of, and the name of that mask. */
const maskOf = (flag: string): string => flag.replace(/is_causal$/, "mask");

/** The gradients of a module's parameters, one behind the other, as the records have them. */
function gradientOf(module: Module): Tensor {
  const parts = module.parameters().map(({ grad }) => grad?.toArray() ?? new Float32Array(0));
  return Tensor.from(Float32Array.from(parts.flatMap((part) => [...part])));
}

function runCase(pytorch: CaseRecord): void {
  const flags = pytorch.record.attributes as Readonly<Record<string, boolean>>;
  const state = stateOf(pytorch);
  const run = (left: readonly string[]): void => {
    const { module, forward } = constructTransformer(pytorch);
    try {
      const own = Object.entries(module.stateDict()).map(([name, { shape }]) => [name, [...shape]]);
      expect(own).toEqual(stateShapes(pytorch));
      module.loadStateDict(state);
      const operands = operandsOf(pytorch);
      const given = [...operands].filter(([name]) => name !== "parameters" && !left.includes(name));
      const output = forward({ ...Object.fromEntries(given), ...flags });
      backward([output], [Tensor.from(requiredInput(pytorch, "output_cotangent"))]);
      const gradients = given.flatMap(([name, value]) =>
        value instanceof Tensor && value.requiresGrad ? [[`${name}_gradient`, value.grad] as const] : [],
      );
      const results = { output, ...Object.fromEntries(gradients), parameters_gradient: gradientOf(module) };
      expectAnswers(pytorch, results);
    } finally {
      module.dispose();
    }
  };
  run([]);
  // The mask is the causal one, for which `isCausal` stands.
  const causal = Object.keys(flags).map(maskOf);
  if (causal.length > 0) run(causal);
}

/** The loss of each of twenty steps. */
function losses(pytorch: CaseRecord): Float32Array<ArrayBuffer> {
  const { optimizer: own, steps } = pytorch.record.attributes as {
    optimizer: { lr: number; betas: [number, number]; eps: number; weight_decay: number };
    steps: number;
  };
  const { lr, betas, eps, weight_decay: weightDecay } = own;
  const { module, forward } = constructTransformer(pytorch);
  const padding = toTensorData(pytorch.stored("inputs/padding"));
  const isCausal = { tgt_is_causal: true, memory_key_padding_mask: padding };
  const hiding: Readonly<Record<string, ForwardArguments>> = {
    TransformerEncoder: { src_key_padding_mask: padding },
    TransformerDecoder: isCausal,
    Transformer: { ...isCausal, src_key_padding_mask: padding },
  };
  const at = (name: string, step: number): TensorLike => {
    const { shape, data } = pytorch.stored(`inputs/${name}`);
    const size = data.length / steps;
    return { data: Float32Array.from(data.subarray(step * size, (step + 1) * size)), shape: shape.slice(1) };
  };
  const names = pytorch.record.inputs.filter((name) => !["padding", "parameters", "wanted"].includes(name));
  try {
    module.loadStateDict(stateOf(pytorch));
    const optimizer = new AdamW(module.parameters(), { lr, betas, eps, weightDecay });
    try {
      return Float32Array.from({ length: steps }, (_, step) =>
        scope(() => {
          const given = Object.fromEntries(names.map((name) => [name, at(name, step)]));
          const loss = mseLoss(forward({ ...given, ...hiding[pytorch.record.operator] }), at("wanted", step));
          loss.backward();
          optimizer.step();
          optimizer.zeroGrad();
          return Number(loss.item());
        }),
      );
    } finally {
      optimizer.dispose();
    }
  } finally {
    module.dispose();
  }
}

/** By a class's `from`, of the arguments of a record. */
function fromRecord(pytorch: CaseRecord, prefix?: string): Module {
  const { sizes, layer, stack, whole } = constructorArguments(pytorch);
  const dict = Object.fromEntries(
    Object.entries(stateOf(pytorch)).map(([name, value]) => [`${prefix ?? ""}${name}`, value]),
  );
  const create: Readonly<Record<string, () => Module>> = {
    TransformerEncoderLayer: () => TransformerEncoderLayer.from(dict, ...sizes, { ...layer, prefix }),
    TransformerDecoderLayer: () => TransformerDecoderLayer.from(dict, ...sizes, { ...layer, prefix }),
    TransformerEncoder: () => TransformerEncoder.from(dict, ...sizes, { ...stack, prefix }),
    TransformerDecoder: () => TransformerDecoder.from(dict, ...sizes, { ...stack, prefix }),
    Transformer: () => Transformer.from(dict, ...sizes, { ...whole, prefix }),
  };
  return create[pytorch.record.operator]();
}

forEachArithmetic(() => {
  const layers = loadCases("pytorch/transformer_modules");
  const stacks = loadCases("pytorch/transformer_stacks");
  const runs = loadCases("pytorch/transformer_runs");

  it("has 83 calls and 3 runs", () => {
    expect([layers.length, stacks.length, runs.length]).toEqual([63, 20, 3]);
  });

  it("each module's `from` is filled as by loadStateDict, under a prefix or none", () => {
    for (const pytorch of [...layers, ...stacks]) {
      withoutLeak(() => {
        const { module } = constructTransformer(pytorch);
        module.loadStateDict(stateOf(pytorch));
        const others = [fromRecord(pytorch), fromRecord(pytorch, "model.")];
        for (const other of others) {
          expect(other.training).toBe(true);
          expect(other).toEqual(module.train());
        }
        for (const made of [module, ...others]) made.dispose();
      });
    }
  });

  // Not `it.each`, which cuts long names short: scripts/conformance-table.mjs reads them from the report.
  for (const pytorch of [...layers, ...stacks])
    it(`${pytorch.record.operator}: ${pytorch.name}`, () => withoutLeak(() => runCase(pytorch)));

  for (const run of runs) {
    it(`${run.record.operator}: ${run.name}`, () => {
      const before = memoryUsage().bytesInUse;
      const loss = losses(run);
      expect(memoryUsage().bytesInUse).toBe(before);
      scope(() => expectAnswers(run, { loss: Tensor.from(loss) }));
    });
  }
});
