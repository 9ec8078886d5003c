import { codedRangeError, misuseError } from "../errors.js";
import { dropout } from "../ops/dropout.js";
import { add, mul } from "../ops/elementwise.js";
import { embedding } from "../ops/embedding.js";
import { linear } from "../ops/linear.js";
import { matmul } from "../ops/matmul.js";
import { PackedLinear } from "../ops/packed-linear.js";
import { transpose } from "../ops/rearrangement.js";
import { filled } from "../tensor/filled.js";
import { overwrite } from "../tensor/overwrite.js";
import { keep, scope } from "../tensor/scope.js";
import { requireUsable as requireUsableTensor, setRequiresGrad, Tensor, versionOf } from "../tensor/tensor.js";
import { embeddingSlot } from "./embedding.js";
import { drawn, normal, uniform } from "./initialization.js";
import { Linear } from "./linear.js";
import { type LoraOptions, type LoraSettings, readSettings } from "./lora-settings.js";
import { findSites, shapesOf, type Site, type Sites, tiesIn } from "./lora-sites.js";
import { type Module, ownedBy, packedOf, rawModule, requireModule, requireUsable, withPacked } from "./module.js";

type Parameter = Tensor<"float32">;

/** The adapter of a site. */
interface Adapter extends Site {
  readonly a: Parameter;
  readonly b: Parameter;
  /** Lets the module compute with it, or no longer. */
  enable(isEnabled: boolean): void;
  /** While merged: the weight as it was, and its version since. */
  merged?: { readonly original: Tensor; readonly version: number };
}

/** The adapters of a model. */
interface Lora {
  readonly settings: LoraSettings;
  /** What else PEFT's file said. */
  readonly config: Readonly<Record<string, unknown>>;
  readonly adapters: readonly Adapter[];
  readonly saved: Sites["saved"];
  /** The parameters that required gradients before. */
  readonly learned: readonly Parameter[];
}

const known = /* @__PURE__ */ new WeakMap<Module, Lora>();

/** The module itself. Throws a TypeError for anything else, and when it has been disposed. */
export function readModel(operation: string, model: unknown): Module {
  requireModule(operation, "model", model);
  const own = rawModule(model as Module);
  requireUsable(own, operation);
  return own;
}

/** The adapters of a model. Throws a TypeError when there are none. */
export function loraOf(operation: string, model: unknown): Lora {
  const lora = known.get(readModel(operation, model));
  if (lora === undefined) throw misuseError(operation, "model", "has no adapters: addLora gives it some");
  return lora;
}

/** Names of properties, and in the state dict: PEFT's. */
const namesOf = (site: Site): readonly [a: string, b: string] =>
  site.isEmbedding ? ["lora_embedding_A", "lora_embedding_B"] : ["lora_A", "lora_B"];

/** Names of A and B from the module on, in the state dict and in PEFT's files. */
export const keysOf = (site: Site): readonly [a: string, b: string] => {
  const [a, b] = namesOf(site);
  return site.isEmbedding ? [a, b] : [`${a}.weight`, `${b}.weight`];
};

/** Of an optional property, other than `define`. */
const setMember = (module: Module, name: string, value: unknown): void => {
  Object.defineProperty(module, name, { value, enumerable: true, configurable: true });
};

/** Gives a linear layer's projections, which are rows of one weight, the adapter: y + s·(drop(x)·Aᵀ)·Bᵀ. */
function linearAdapter(site: Site, a: Parameter, b: Parameter, p: number): Adapter {
  const { module, scaling } = site;
  const operation = `${module[Symbol.toStringTag]}.forward`;
  const [down, up] = [Linear.from(a), Linear.from(b)];
  setMember(module, "lora_A", down);
  setMember(module, "lora_B", up);
  const added = packedOf(module).map(({ parameters: { weightRow, outFeatures } }) => {
    const rows = withPacked(up, new PackedLinear({ weight: b, weightRow, bias: undefined, biasRow: 0, outFeatures }));
    return (sums: Tensor, input: Tensor): Tensor => {
      const dropped = p > 0 && module.training ? dropout(input, { p }) : input;
      return add(sums, rows.apply(operation, mul(down.forward(dropped), scaling)));
    };
  });
  const enable = (isEnabled: boolean): void =>
    packedOf(module).forEach((packed, index) => (packed.adapter = isEnabled ? added[index] : undefined));
  return { ...site, a, b, enable };
}

/** Gives an Embedding the adapter: W[i] + s·(Aᵀ)[i]·Bᵀ. */
function embeddingAdapter(site: Site, a: Parameter, b: Parameter): Adapter {
  const { module, scaling } = site;
  const { paddingIdx } = module as Module & { paddingIdx: number | undefined };
  setMember(module, "lora_embedding_A", a);
  setMember(module, "lora_embedding_B", b);
  const slot = embeddingSlot(module) as NonNullable<ReturnType<typeof embeddingSlot>>;
  const added: typeof slot.adapter = (vectors, indices) => {
    const columns = embedding(indices, transpose(a, 0, 1), { paddingIdx });
    return add(vectors, linear(mul(columns, scaling), b));
  };
  return { ...site, a, b, enable: (isEnabled) => (slot.adapter = isEnabled ? added : undefined) };
}

/** Throws one error for all problems. */
export function throwProblems(
  operation: string,
  problems: readonly (Error | string)[],
  create: (text: string) => Error,
): void {
  if (problems.length === 0) return;
  const texts = problems.map((problem) => {
    const text = typeof problem === "string" ? problem : problem.message;
    return text.startsWith(`${operation}: `) ? text.slice(operation.length + 2) : text;
  });
  throw create(`${operation}: ${texts.join("; ")}`);
}

/** Throws a TypeError when a model, or a part of one, has adapters. */
export function requireNone(operation: string, model: Module): void {
  for (const [, module] of model.namedModules()) {
    if (!known.has(module) && !("lora_A" in module) && !("lora_embedding_A" in module)) continue;
    throw misuseError(operation, "model", "has adapters already: removeLora takes them away");
  }
}

/** Gives a model adapters of two parameters a site, A and B. Nothing can fail here. */
export function attach(
  model: Module,
  settings: LoraSettings,
  config: Lora["config"],
  { adapted, saved }: Sites,
  parameters: readonly Parameter[],
): void {
  const learned = model.parameters().filter(({ requiresGrad }) => requiresGrad);
  model.requiresGrad(false);
  const adapters = adapted.map((site, index) => {
    const [a, b] = parameters.slice(2 * index);
    const adapter = site.isEmbedding ? embeddingAdapter(site, a, b) : linearAdapter(site, a, b, settings.loraDropout);
    adapter.enable(true);
    return adapter;
  });
  for (const [, module] of saved) module.requiresGrad(true);
  known.set(model, { settings, config, adapters, saved, learned });
}

/** What A and B start with: their product is 0. */
function fresh(operation: string, site: Site): Parameter[] {
  const [a, b] = shapesOf(site);
  return site.isEmbedding
    ? [filled(operation, a, 0), normal(operation, b, 1)]
    : [uniform(operation, a, 1 / Math.sqrt(a[1])), filled(operation, b, 0)];
}

/**
 * Gives layers of a model adapters of low rank, which learn in place of it: y = x·Wᵀ + b + s·(drop(x)·Aᵀ)·Bᵀ, with A `[r,
 * inFeatures]`, B `[outFeatures, r]` and s = loraAlpha / r. (LoRA: Hu et al. 2021, "LoRA: Low-Rank Adaptation of Large Language
 * Models"; as in PEFT.)
 *
 * Layers are Linear, Embedding, MultiheadAttention and SelfAttention; an attention's adapters are two, for its input projections
 * together and for `out_proj`. A starts uniform within ±1/√inFeatures, B at 0; of an Embedding A `[r, numEmbeddings]` at 0, and B
 * `[embeddingDim, r]` normal with deviation 1: so nothing changes at first. Both are parameters of the layer, in its state dict as
 * `lora_A.weight` and `lora_B.weight` (`lora_embedding_A`, `lora_embedding_B`). A state dict of the model without adapters loads with
 * `strict: false`.
 *
 * All other parameters are frozen (`requiresGrad(false)`), but for those of `modulesToSave`.
 *
 * @example
 * ```js
 * import { init, Linear, Module } from "wasm-attention";
 * import { addLora } from "wasm-attention/nn";
 *
 * await init();
 * class Model extends Module {
 *   hidden = new Linear(8, 16, { activation: "gelu" });
 *   head = new Linear(16, 2);
 * }
 * const model = new Model();
 * addLora(model, { r: 4, loraAlpha: 8, targetModules: ["hidden"], modulesToSave: ["head"] });
 * const learned = [...model.namedParameters()].filter(([, { requiresGrad }]) => requiresGrad);
 * console.log(learned.map(([name]) => name)); // ["hidden.lora_A.weight", "hidden.lora_B.weight", "head.weight", "head.bias"]
 * model.dispose();
 * ```
 *
 * @param model The model; the targets are below it.
 * @param options Which layers, and how.
 * @throws {TypeError} for wrong kinds and unknown options, for a model that has adapters, and when it has been disposed.
 * @throws {RangeError} for wrong values; for targets that are not there or that take no adapter, all in one error; and for lack of
 *   memory. Nothing has changed then.
 */
export function addLora(model: Module, options: LoraOptions): void {
  const operation = "addLora";
  const own = readModel(operation, model);
  requireNone(operation, own);
  const settings = readSettings(operation, options);
  const problems: (Error | string)[] = [];
  const sites = findSites(
    operation,
    own,
    settings,
    (name) => name,
    (problem) => problems.push(problem),
  );
  throwProblems(operation, problems, (text) => codedRangeError("ERR_INVALID_VALUE", text));
  attach(
    own,
    settings,
    {},
    sites,
    drawn(() => sites.adapted.flatMap((site) => fresh(operation, site))),
  );
}

/** W + s·B·A, of an Embedding W + s·Aᵀ·Bᵀ. The tensors' history stays out. */
function mergedWeight({ weight, isEmbedding, scaling, ...adapter }: Adapter): Tensor {
  const [a, b] = [adapter.a.detach(), adapter.b.detach()];
  const product = isEmbedding ? linear(mul(transpose(a, 0, 1), scaling), b) : matmul(mul(b, scaling), a);
  return add(weight.detach(), product);
}

function unmerge(adapter: Adapter, original: Tensor): void {
  overwrite(adapter.weight, original.view());
  ownedBy(adapter.module).delete(original);
  original.dispose();
  delete adapter.merged;
  adapter.enable(true);
}

/**
 * Adds the adapters' products to the weights: W + s·B·A. The model then computes at its old speed, and the same but for
 * rounding; what the adapters would learn it no longer sees. A copy of the old weights is kept, for `unmergeLora`.
 *
 * @example
 * ```js
 * import { init, Linear, Module } from "wasm-attention";
 * import { addLora, mergeLora, removeLora } from "wasm-attention/nn";
 *
 * await init();
 * class Model extends Module {
 *   head = new Linear(16, 2);
 * }
 * const model = new Model();
 * addLora(model, { targetModules: ["head"] }); // and train it
 * mergeLora(model);
 * removeLora(model); // a plain model again
 * console.log(Object.keys(model.stateDict())); // ["head.weight", "head.bias"]
 * ```
 *
 * @param model One that `addLora` or `loadLora` gave adapters.
 * @throws {TypeError} for a model without adapters, one that is merged, one whose adapted weight another module has as well (it would
 *   change, too), and when it has been disposed.
 * @throws {RangeError} for lack of memory. Nothing has changed then.
 */
export function mergeLora(model: Module): void {
  const operation = "mergeLora";
  const { adapters } = loraOf(operation, model);
  const tiesOf = tiesIn(rawModule(model));
  for (const { merged, path, module, weight } of adapters) {
    if (merged !== undefined) throw misuseError(operation, "model", "is merged already");
    requireUsableTensor(operation, path, weight);
    const ties = tiesOf(weight, (_, holder) => holder === module);
    if (ties !== undefined) throw misuseError(operation, path, `its weight ${ties}`);
  }
  const done: [Adapter, Tensor][] = [];
  try {
    for (const adapter of adapters) {
      const { weight, module } = adapter;
      const original = scope(() => {
        const merged = mergedWeight(adapter);
        const copy = Tensor.from(weight);
        overwrite(weight, merged.view());
        return copy;
      });
      keep(original);
      ownedBy(module).add(original);
      adapter.merged = { original, version: versionOf(weight) };
      adapter.enable(false);
      done.push([adapter, original]);
    }
  } catch (error) {
    for (const [adapter, original] of done) unmerge(adapter, original);
    throw error;
  }
}

/**
 * Gives the weights the bits that they had before `mergeLora`, and the adapters their part in what the model computes.
 *
 * @param model One that is merged.
 * @throws {TypeError} for a model that isn't, one whose weights have been changed since (by `loadStateDict`, an optimizer), and when it
 *   has been disposed.
 */
export function unmergeLora(model: Module): void {
  const operation = "unmergeLora";
  const { adapters } = loraOf(operation, model);
  const merged = adapters.map((adapter) => {
    if (adapter.merged === undefined) throw misuseError(operation, "model", "is not merged");
    const { path, weight, merged } = adapter;
    requireUsableTensor(operation, path, weight);
    if (versionOf(weight) !== merged.version) {
      throw misuseError(operation, path, "its weight has changed since mergeLora; removeLora leaves it as it is");
    }
    return [adapter, merged.original] as const;
  });
  for (const [adapter, original] of merged) unmerge(adapter, original);
}

/**
 * Takes the adapters away and gives their memory back. Weights stay as they are: those that are merged with what was added, so that
 * `mergeLora` and then this leaves a plain model that has learned. Parameters that required gradients before do so again. Modules that
 * `modulesToSave` named keep what they have learned.
 *
 * @param model One that `addLora` or `loadLora` gave adapters.
 * @throws {TypeError} for a model without adapters, and when it has been disposed.
 */
export function removeLora(model: Module): void {
  const operation = "removeLora";
  const { adapters, learned } = loraOf(operation, model);
  for (const adapter of adapters) {
    const { module, merged } = adapter;
    adapter.enable(false);
    for (const name of namesOf(adapter)) {
      const members = module as unknown as Record<string, Linear | Tensor>;
      members[name].dispose();
      delete members[name];
    }
    if (merged !== undefined) {
      ownedBy(module).delete(merged.original);
      merged.original.dispose();
    }
  }
  rawModule(model).requiresGrad(false);
  for (const parameter of learned) if (!parameter.disposed) setRequiresGrad(parameter, true);
  known.delete(rawModule(model));
}
