/** LoRA against PEFT: its files, what the model computes with them, merged too, and twenty steps of training. */
import { expect, it } from "vitest";
import {
  add,
  Linear,
  loadSafetensors,
  mean,
  memoryUsage,
  Module,
  MultiheadAttention,
  scope,
  Tensor,
} from "../../../ts/entry/default.js";
import {
  addLora,
  Embedding,
  loadLora,
  loraFiles,
  type LoraOptions,
  mergeLora,
  removeLora,
  unmergeLora,
} from "../../../ts/entry/nn.js";
import { AdamW, crossEntropy, type Optimizer, SGD } from "../../../ts/entry/train.js";
import { forEachArithmetic } from "../../support/arithmetics.js";
import { loadState } from "../pytorch/modules.js";
import { type CaseRecord, expectAnswers, loadCases } from "../records.js";

interface Attributes {
  /** Of PEFT's `LoraConfig`. */
  readonly options: Readonly<Record<string, unknown>>;
  readonly optimizer: "AdamW" | "SGD";
  readonly arguments: Readonly<Record<string, number>>;
  readonly sizes: Readonly<Record<string, number>>;
  /** What this package writes for the options, and PEFT has read. */
  readonly own_config: string;
  /** What PEFT writes. */
  readonly adapter_config: string;
}

type Sizes = Attributes["sizes"];

class Layer extends Module {
  attention: MultiheadAttention;
  linear1: Linear;
  linear2: Linear;

  constructor({ width, heads, feedforward }: Sizes) {
    super();
    this.attention = new MultiheadAttention(width, heads, { batchFirst: true });
    this.linear1 = new Linear(width, feedforward, { activation: "gelu" });
    this.linear2 = new Linear(feedforward, width, { bias: false });
  }

  forward(x: Tensor): Tensor {
    const attended = add(x, this.attention.forward(x, x, x).output);
    return add(attended, this.linear2.forward(this.linear1.forward(attended)));
  }
}

class Classifier extends Module {
  embedding: Embedding;
  layers: Layer[];
  head: Linear;

  constructor(sizes: Sizes) {
    super();
    this.embedding = new Embedding(sizes.vocabulary, sizes.width, { paddingIdx: 0 });
    this.layers = Array.from({ length: sizes.layers }, () => new Layer(sizes));
    this.head = new Linear(sizes.width, sizes.classes);
  }

  forward(tokens: Int32Array, [batch, length]: readonly number[]): Tensor {
    const x = this.embedding.forward(Tensor.from(tokens, [batch, length]));
    return this.head.forward(
      mean(
        this.layers.reduce((y: Tensor, layer) => layer.forward(y), x),
        { axis: 1 },
      ),
    );
  }
}

const attributesOf = ({ record }: CaseRecord): Attributes => record.attributes as unknown as Attributes;

const filesOf = (peft: CaseRecord): { "adapter_config.json": string; "adapter_model.safetensors": Uint8Array } => ({
  "adapter_config.json": attributesOf(peft).adapter_config,
  "adapter_model.safetensors": Uint8Array.from(peft.stored("inputs/adapter_model").data),
});

/** In camelCase. */
const optionsOf = (peft: CaseRecord): LoraOptions =>
  Object.fromEntries(
    Object.entries(attributesOf(peft).options).map(([name, value]) => [
      name.replace(/_(\w)/g, (_, letter: string) => letter.toUpperCase()),
      value,
    ]),
  ) as unknown as LoraOptions;

/** Runs it with the base model, which is disposed, and requires that all memory is given back. */
function withModel(peft: CaseRecord, run: (model: Classifier) => void): void {
  const before = memoryUsage().bytesInUse;
  const model = new Classifier(attributesOf(peft).sizes);
  try {
    loadState(model, peft);
    scope(() => run(model));
  } finally {
    model.dispose();
  }
  expect(memoryUsage().bytesInUse).toBe(before);
}

/** Tokens and classes of a step. */
function batchOf({ stored }: CaseRecord, step: number): { tokens: Int32Array; shape: number[]; targets: Int32Array } {
  const {
    shape: [, batch, length],
    data,
  } = stored("inputs/tokens");
  const { data: targets } = stored("inputs/targets");
  return {
    tokens: Int32Array.from(data.subarray(step * batch * length, (step + 1) * batch * length)),
    shape: [batch, length],
    targets: Int32Array.from(targets.subarray(step * batch, (step + 1) * batch)),
  };
}

function logitsOf(model: Classifier, peft: CaseRecord): Tensor {
  const { tokens, shape } = batchOf(peft, 0);
  return model.forward(tokens, shape);
}

/** The loss of each step. */
function train(model: Classifier, peft: CaseRecord): Tensor {
  const { optimizer: name, arguments: own } = attributesOf(peft);
  const optimizer: Optimizer =
    name === "AdamW"
      ? new AdamW(model.parameters(), { lr: own.lr, weightDecay: own.weight_decay })
      : new SGD(model.parameters(), { lr: own.lr, momentum: own.momentum });
  const steps = peft.stored("inputs/tokens").shape[0];
  const losses = Float32Array.from({ length: steps }, (_, step) =>
    scope(() => {
      const { tokens, shape, targets } = batchOf(peft, step);
      const loss = crossEntropy(model.forward(tokens, shape), targets);
      loss.backward();
      optimizer.step();
      optimizer.zeroGrad();
      return Number(loss.item());
    }),
  );
  optimizer.dispose();
  return Tensor.from(losses);
}

const bytesOf = (model: Module, names: Iterable<string>): Record<string, unknown> => {
  const dict = model.stateDict();
  return Object.fromEntries(Array.from(names, (name) => [name, dict[name].toArray()]));
};

/** The tensors of a file by their names. */
const tensorsOf = (file: Uint8Array): Record<string, Tensor> =>
  Object.fromEntries(loadSafetensors(file).tensors) as Record<string, Tensor>;

forEachArithmetic(() => {
  const cases = loadCases("peft/lora");

  it("has 9 cases", () => expect(cases.length).toBe(9));

  for (const peft of cases) {
    it(`lora: ${peft.name}`, () => {
      withModel(peft, (model) => {
        const base = bytesOf(model, Object.keys(model.stateDict()));
        loadLora(model, filesOf(peft));
        const logits = logitsOf(model, peft);
        const dict = model.stateDict();
        mergeLora(model);
        const merged = Object.fromEntries(
          peft.record.outputs
            .filter((name) => name.startsWith("merged."))
            .map((name) => [name, Tensor.from(dict[name.slice("merged.".length)])]),
        );
        expect(Object.keys(merged).length).toBeGreaterThan(0);
        unmergeLora(model);
        const whole = (attributesOf(peft).options.modules_to_save ?? []) as string[];
        const frozen = Object.keys(base).filter((name) => !whole.some((module) => name.startsWith(`${module}.`)));
        expect(bytesOf(model, frozen)).toEqual(Object.fromEntries(frozen.map((name) => [name, base[name]])));

        const loss = train(model, peft);
        expect(bytesOf(model, frozen)).toEqual(Object.fromEntries(frozen.map((name) => [name, base[name]])));
        const learned = tensorsOf(loraFiles(model)["adapter_model.safetensors"]);
        expectAnswers(peft, { ...learned, ...merged, logits, loss });

        // Merged, the model computes the same but for rounding.
        const apart = logitsOf(model, peft).toArray();
        mergeLora(model);
        const together = logitsOf(model, peft).toArray();
        const largest = Math.max(...Array.from(apart, Math.abs));
        together.forEach((x, index) => expect(Math.abs(x - apart[index])).toBeLessThan(1e-5 * largest));
        removeLora(model);
        expect(logitsOf(model, peft).toArray()).toEqual(together);
        expect(Object.keys(model.stateDict())).toEqual(Object.keys(base));
      });
    });

    it(`the files of ${peft.name}`, () => {
      withModel(peft, (model) => {
        const files = filesOf(peft);
        loadLora(model, files);
        const own = loraFiles(model);
        expect(JSON.parse(new TextDecoder().decode(own["adapter_config.json"]))).toEqual(
          JSON.parse(files["adapter_config.json"]),
        );
        if (peft.name !== "lora_bfloat16") {
          expect(own["adapter_model.safetensors"]).toEqual(files["adapter_model.safetensors"]);
        }
        removeLora(model);

        addLora(model, optionsOf(peft));
        const fresh = loraFiles(model);
        expect(new TextDecoder().decode(fresh["adapter_config.json"])).toBe(attributesOf(peft).own_config);
        const shapesOf = (file: Uint8Array): unknown =>
          Object.entries(tensorsOf(file)).map(([name, { shape }]) => [name, shape]);
        expect(shapesOf(fresh["adapter_model.safetensors"])).toEqual(shapesOf(files["adapter_model.safetensors"]));
      });
    });
  }
});
