/** LoRA's files: what is read, and what is refused before anything changes. */
import { describe, expect, it } from "vitest";
import {
  AttentionError,
  buffer,
  type ErrorCode,
  Linear,
  loadSafetensors,
  memoryUsage,
  Module,
  saveSafetensors,
  SelfAttention,
  Tensor,
} from "../../ts/entry/default.js";
import {
  addLora,
  Embedding,
  LayerNorm,
  loadLora,
  loraFiles,
  type LoraFilesLike,
  removeLora,
} from "../../ts/entry/nn.js";
import { forEachArithmetic } from "../support/arithmetics.js";
import { withoutLeak } from "../support/without-leak.js";
import { expectThrowsWithoutLeak } from "../support/without-leak.js";

class Head extends Module {
  norm = new LayerNorm(4);
  linear = new Linear(4, 2);
  counts = buffer(Tensor.from(Int32Array.of(1, 2)));
}

class Model extends Module {
  embedding = new Embedding(5, 4);
  attention = new SelfAttention(4, 2);
  hidden = new Linear(4, 4);
  head = new Head();
}

const CONFIG = "adapter_config.json";
const TENSORS = "adapter_model.safetensors";
const PREFIX = "base_model.model.";

const contentOf = (module: Module): Record<string, unknown> =>
  Object.fromEntries(Object.entries(module.stateDict()).map(([name, tensor]) => [name, tensor.toArray()]));

/** What a call must leave as it is. */
const stateOf = (model: Module): unknown => [
  contentOf(model),
  [...model.namedParameters().values()].map(({ requiresGrad }) => requiresGrad),
];

/** Runs it with a model, and the files of another one, of which everything has an adapter or is in them as a whole. */
function withFiles(run: (model: Model, files: Record<string, Uint8Array>, trained: Model) => void): void {
  withoutLeak(() => {
    const [model, trained] = [new Model(), new Model()];
    try {
      addLora(trained, { targetModules: ["embedding", "attention", "hidden"], r: 2, modulesToSave: ["head"] });
      run(model, loraFiles(trained), trained);
    } finally {
      model.dispose();
      trained.dispose();
    }
  });
}

type Config = Record<string, unknown>;

const configOf = (files: Record<string, Uint8Array>): Config =>
  JSON.parse(new TextDecoder().decode(files[CONFIG])) as Config;

/** The files with other settings. */
const configured = (files: Record<string, Uint8Array>, change: Config): LoraFilesLike => ({
  [CONFIG]: JSON.stringify({ ...configOf(files), ...change }),
  [TENSORS]: files[TENSORS],
});

/** The files with other tensors; undefined takes one away. */
function replaced(files: Record<string, Uint8Array>, change: Record<string, unknown>): LoraFilesLike {
  const { tensors } = loadSafetensors(files[TENSORS]);
  for (const [name, tensor] of Object.entries(change)) {
    if (tensor === undefined) tensors.delete(name);
    else tensors.set(name, tensor as Tensor);
  }
  return { [CONFIG]: files[CONFIG], [TENSORS]: saveSafetensors(tensors) };
}

const zeros = (...shape: number[]): { data: Float32Array; shape: number[] } => ({
  data: new Float32Array(shape.reduce((product, size) => product * size, 1)),
  shape,
});

describe("loadLora", () => {
  forEachArithmetic(() => {
    it("reads what loraFiles writes: adapters, whole modules with their buffers", () => {
      withFiles((model, files, trained) => {
        loadLora(model, files as unknown as LoraFilesLike);
        const own = contentOf(model);
        const expected = contentOf(trained);
        const learned = Object.keys(expected).filter((name) => /lora_|^head\./.test(name));
        expect(learned).toHaveLength(8 + 5);
        for (const name of learned) expect(own[name], name).toEqual(expected[name]);
        expect(Object.keys(own)).toEqual(Object.keys(expected));
        expect(loraFiles(model)).toEqual(files);
        expect([...model.namedParameters().values()].map(({ requiresGrad }) => requiresGrad)).toEqual(
          [...trained.namedParameters().values()].map(({ requiresGrad }) => requiresGrad),
        );
      });
    });

    it("takes text and buffers, tensors of 16 bits, and what tells nothing of what is computed", () => {
      withFiles((model, files) => {
        const { tensors } = loadSafetensors(files[TENSORS]);
        const half = new Map(
          [...tensors].map(([name, tensor]) => [name, /counts/.test(name) ? tensor : tensor.to("bfloat16")]),
        );
        const told = {
          ...{ base_model_name_or_path: "base", inference_mode: true, peft_version: "0.21.2", task_type: "CAUSAL_LM" },
          ...{
            use_dora: false,
            layers_to_transform: null,
            loftq_config: {},
            exclude_modules: [],
            init_lora_weights: "gaussian",
          },
          ...{ fan_in_fan_out: true, megatron_core: "megatron.core" },
        };
        const text = JSON.stringify({ ...configOf(files), ...told });
        loadLora(model, {
          [CONFIG]: text,
          [TENSORS]: saveSafetensors(half).buffer as ArrayBuffer,
          "README.md": "",
        } as never);
        expect(configOf(loraFiles(model))).toEqual({ ...configOf(files), ...told });
      });
      withFiles((model, files) => {
        loadLora(model, {
          [CONFIG]: files[CONFIG].slice().buffer,
          [TENSORS]: files[TENSORS],
        });
      });
    });

    it("calls an attention's output projection as PEFT does, and what is targeted by itself by its path", () => {
      withoutLeak(() => {
        const model = new Model();
        const names = (targetModules: string[]): string[] => {
          addLora(model, { targetModules, r: 1 });
          const file = loraFiles(model)[TENSORS];
          removeLora(model);
          return [...loadSafetensors(file).tensors.keys()].map((name) => name.slice(PREFIX.length));
        };
        const ofAttention = ["base_layer.out_proj.lora_A", "base_layer.out_proj.lora_B", "lora_A", "lora_B"];
        const expected = ofAttention.map((name) => `attention.${name}.weight`);
        expect(names(["attention"])).toEqual(expected);
        expect(names(["attention", "out_proj"])).toEqual(expected);
        expect(names(["out_proj"])).toEqual(["A", "B"].map((name) => `attention.out_proj.lora_${name}.weight`));
        model.dispose();
      });
    });

    it("has PEFT's defaults", () => {
      class Wide extends Module {
        layer = new Linear(16, 16);
      }
      withoutLeak(() => {
        const model = new Wide();
        const tensors = {
          [`${PREFIX}layer.lora_A.weight`]: zeros(8, 16),
          [`${PREFIX}layer.lora_B.weight`]: zeros(16, 8),
        };
        loadLora(model, {
          [CONFIG]: '{ "peft_type": "LORA", "target_modules": ["layer"] }',
          [TENSORS]: saveSafetensors(tensors),
        });
        expect(configOf(loraFiles(model))).toEqual({
          ...{
            alpha_pattern: {},
            bias: "none",
            lora_alpha: 8,
            lora_dropout: 0,
            modules_to_save: null,
            peft_type: "LORA",
          },
          ...{ r: 8, rank_pattern: {}, target_modules: ["layer"], use_rslora: false },
        });
        model.dispose();
      });
    });

    const A = `${PREFIX}hidden.lora_A.weight`;
    type Files = Record<string, Uint8Array>;
    // prettier-ignore
    const foreign: readonly [name: string, change: (files: Files) => unknown, code: ErrorCode, message: RegExp][] = [
      ["text that is no JSON", (files) => ({ ...files, [CONFIG]: "{" }), "ERR_ADAPTER", /^loadLora: adapter_config\.json: is not JSON in UTF-8: /],
      ["an empty file", (files) => ({ ...files, [CONFIG]: new Uint8Array() }), "ERR_ADAPTER", /adapter_config\.json: is not JSON in UTF-8: /],
      ["bytes that are no UTF-8", (files) => ({ ...files, [CONFIG]: Uint8Array.of(0xff) }), "ERR_ADAPTER", /adapter_config\.json: is not JSON in UTF-8: /],
      ["JSON that is no object", (files) => ({ ...files, [CONFIG]: "[]" }), "ERR_ADAPTER", /adapter_config\.json: expected an object, got \[\]/],
      ["null", (files) => ({ ...files, [CONFIG]: "null" }), "ERR_ADAPTER", /adapter_config\.json: expected an object, got null/],
      ["no kind", (files) => configured(files, { peft_type: undefined }), "ERR_ADAPTER", /peft_type: expected "LORA", got undefined/],
      ["another kind", (files) => configured(files, { peft_type: "LOHA" }), "ERR_ADAPTER", /peft_type: expected "LORA", got "LOHA"/],
      ["DoRA", (files) => configured(files, { use_dora: true }), "ERR_ADAPTER", /use_dora: expected none, since it isn't computed here, got true/],
      ["trained biases", (files) => configured(files, { bias: "all" }), "ERR_ADAPTER", /bias: expected "none", got "all"/],
      ["biases of B", (files) => configured(files, { lora_bias: true }), "ERR_ADAPTER", /lora_bias: expected none.*got true/],
      ["PiSSA", (files) => configured(files, { init_lora_weights: "pissa" }), "ERR_ADAPTER", /init_lora_weights: expected true or false or "gaussian" or "eva" or "orthogonal", got "pissa"/],
      ["chosen layers", (files) => configured(files, { layers_to_transform: [0] }), "ERR_ADAPTER", /layers_to_transform: expected none.*got \[0\]/],
      ["a key of the future", (files) => configured(files, { use_novelty: 0 }), "ERR_ADAPTER", /use_novelty: expected none.*got 0/],
      ["a key of every object", (files) => configured(files, { constructor: 1 }), "ERR_ADAPTER", /constructor: expected none.*got 1/],
      ["no targets", (files) => configured(files, { target_modules: null }), "ERR_ADAPTER", /target_modules: expected an array of names or a regular expression, got undefined/],
      ["absent targets", (files) => configured(files, { target_modules: ["q_proj", "hidden"] }), "ERR_ADAPTER", /target_modules: no module's path matches "q_proj"/],
      ["a bad expression", (files) => configured(files, { target_modules: "(?i)hidden" }), "ERR_ADAPTER", /target_modules: expected a regular expression that JavaScript has as well/],
      ["a rank as text", (files) => configured(files, { r: "2" }), "ERR_ADAPTER", /^loadLora: r: expected an integer of at least 1, got "2"/],
      ["another rank", (files) => configured(files, { r: 3 }), "ERR_ADAPTER", /adapter_model\.safetensors: .*hidden\.lora_A\.weight: expected shape \[3, 4\], got \[2, 4\]; .*hidden\.lora_B\.weight: expected shape \[4, 3\], got \[4, 2\]/],
      ["absent modules", (files) => configured(files, { modules_to_save: ["head", "score"] }), "ERR_ADAPTER", /modules_to_save: no module's path ends with "score"/],
      ["attention with dropout", (files) => configured(files, { lora_dropout: 0.5 }), "ERR_ADAPTER", /lora_dropout: attention is an attention, which takes none/],
      ["a missing matrix", (files) => replaced(files, { [A]: undefined }), "ERR_ADAPTER", /adapter_model\.safetensors: missing keys "base_model\.model\.hidden\.lora_A\.weight"$/],
      ["a missing tensor of a whole module", (files) => replaced(files, { [`${PREFIX}head.norm.bias`]: undefined }), "ERR_ADAPTER", /missing keys "base_model\.model\.head\.norm\.bias"$/],
      ["tensors besides", (files) => replaced(files, { [`${PREFIX}hidden.lora_magnitude_vector`]: zeros(4), other: zeros(1) }), "ERR_ADAPTER", /unexpected keys "base_model\.model\.hidden\.lora_magnitude_vector", "other"$/],
      ["another shape", (files) => replaced(files, { [A]: zeros(4, 2) }), "ERR_ADAPTER", /hidden\.lora_A\.weight: expected shape \[2, 4\], got \[4, 2\]/],
      ["another dtype", (files) => replaced(files, { [A]: { data: new Int32Array(8), shape: [2, 4] } }), "ERR_ADAPTER", /hidden\.lora_A\.weight: expected float32, float16 or bfloat16, got "int32"/],
      ["all at once", (files) => configured({ ...files, [TENSORS]: replaced(files, { [A]: zeros(1) })[TENSORS] as Uint8Array }, { use_dora: true, bias: "lora_only", modules_to_save: ["head", "tail"] }), "ERR_ADAPTER",
        /^loadLora: bias: .*; use_dora: .*; modules_to_save: .*"tail"; adapter_model\.safetensors: .*hidden\.lora_A\.weight: expected shape \[2, 4\], got \[1\]$/],
      ["tensors that are cut off", (files) => ({ ...files, [TENSORS]: files[TENSORS].subarray(0, -1) }), "ERR_SAFETENSORS", /^loadSafetensors: bytes: .*cut off/],
    ];

    it.each(foreign)("refuses %s, and changes nothing", (_, change, code, message) => {
      withFiles((model, files) => {
        const given = change(files) as LoraFilesLike;
        const before = stateOf(model);
        expectThrowsWithoutLeak(() => loadLora(model, given), AttentionError, code, message);
        expect(stateOf(model)).toEqual(before);
      });
    });

    it("refuses files that are none, and a model that has adapters", () => {
      withFiles((model, files, trained) => {
        const code = "ERR_INVALID_TYPE";
        const own = files as unknown as LoraFilesLike;
        expectThrowsWithoutLeak(
          () => loadLora(model, undefined as never),
          TypeError,
          code,
          /^loadLora: files: expected \{ "adapter_config/,
        );
        expectThrowsWithoutLeak(
          () => loadLora(model, {} as never),
          TypeError,
          code,
          /^loadLora: adapter_config\.json: .*got undefined/,
        );
        const alone = { [CONFIG]: "{}" } as never;
        expectThrowsWithoutLeak(
          () => loadLora(model, alone),
          TypeError,
          code,
          /^loadSafetensors: bytes: .*got undefined/,
        );
        expectThrowsWithoutLeak(
          () => loadLora(trained, own),
          TypeError,
          code,
          /^loadLora: model: has adapters already/,
        );
        expectThrowsWithoutLeak(
          () => loadLora([] as never, own),
          TypeError,
          code,
          /^loadLora: model: expected a Module/,
        );
        const before = memoryUsage().bytesInUse;
        loadLora(model, own);
        expect(memoryUsage().bytesInUse).toBeGreaterThan(before);
      });
    });
  });
});
