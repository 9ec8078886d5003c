// Where adapters go: which weights of a model the settings name.
import { kindOf } from "../kind.js";
import { show } from "../show.js";
import type { Shape } from "../tensor/shape.js";
import { rawTensor, type Tensor } from "../tensor/tensor.js";
import { embeddingSlot } from "./embedding.js";
import type { LoraSettings } from "./lora-settings.js";
import { type Module, packedOf, rawModule } from "./module.js";
import { fullMatcher } from "./python-pattern.js";

/** A weight that gets an adapter: s·B·A, of rank r. */
export interface Site {
  /** The module's path in the model. */
  readonly path: string;
  /** The same in PEFT's files. */
  readonly filePath: string;
  readonly module: Module;
  /** `[outFeatures, inFeatures]`, or of an Embedding `[V, E]`, to which the product is added transposed. */
  readonly weight: Tensor<"float32">;
  readonly isEmbedding: boolean;
  readonly rank: number;
  /** s */
  readonly scaling: number;
}

/** What the settings name in a model. */
export interface Sites {
  readonly adapted: readonly Site[];
  /** Modules that learn as a whole, by path. */
  readonly saved: readonly (readonly [path: string, module: Module])[];
}

/** Of a site the shapes of A and B. */
export function shapesOf({ weight: { shape }, isEmbedding, rank }: Site): readonly [a: Shape, b: Shape] {
  const [rows, columns] = shape;
  return isEmbedding
    ? [
        [rank, rows],
        [columns, rank],
      ]
    : [
        [rank, columns],
        [rows, rank],
      ];
}

/** The one weight of a module that can get an adapter; undefined where there is none. */
function weightOf(module: Module): Tensor<"float32"> | undefined {
  const weights = embeddingSlot(module)
    ? [(module as Module & { weight: Tensor<"float32"> }).weight]
    : packedOf(module).map(({ parameters }) => parameters.weight);
  return new Set(weights).size === 1 && weights[0].shape.length === 2 ? weights[0] : undefined;
}

/** The modules of a model in which each tensor stands. */
function holdersOf(model: Module): Map<Tensor, (readonly [path: string, module: Module])[]> {
  const holders = new Map<Tensor, (readonly [string, Module])[]>();
  for (const [path, module] of model.namedModules()) {
    const members = (Object.values(module) as unknown[]).flat(Infinity).map(rawTensor);
    for (const tensor of new Set(members)) {
      if (tensor !== undefined) holders.set(tensor, [...(holders.get(tensor) ?? []), [path || "the model", module]]);
    }
  }
  return holders;
}

/** A function that tells in which modules a tensor stands, but for those that `isOwn` accepts; undefined for none. */
export function tiesIn(
  model: Module,
): (tensor: Tensor, isOwn: (path: string, module: Module) => boolean) => string | undefined {
  const holders = holdersOf(model);
  return (tensor, isOwn) => {
    const others = holders.get(tensor)?.filter(([path, module]) => !isOwn(path, module)) ?? [];
    return others.length === 0 ? undefined : `stands in ${others.map(([path]) => path).join(", ")} as well`;
  };
}

/** Finds what the settings name. Tells `refuse` of all that is wrong; `nameOf` gives an option's name in errors. */
export function findSites(
  operation: string,
  model: Module,
  settings: LoraSettings,
  nameOf: (name: keyof LoraSettings) => string,
  refuse: (problem: Error | string) => void,
): Sites {
  const { targetModules, modulesToSave, r, loraAlpha, loraDropout, useRslora } = settings;
  const modules = new Map([...model.namedModules()].filter(([path]) => path !== ""));
  const paths = [...modules.keys()];

  /** A function that gives no match where the expression is refused. */
  const matcher = (argument: string, pattern: string): ((path: string) => boolean) => {
    try {
      return fullMatcher(operation, argument, pattern);
    } catch (error) {
      refuse(error as Error);
      return () => false;
    }
  };
  /** A function that gives what the first pattern says that matches a path or the end of one. */
  const reader = (name: "rankPattern" | "alphaPattern", otherwise: number): ((path: string) => number) => {
    const patterns = Object.entries(settings[name]).map(
      ([key, value]) => [matcher(`${nameOf(name)}[${key}]`, `(.*\\.)?(${key})`), value] as const,
    );
    return (path) => patterns.find(([matches]) => matches(path))?.[1] ?? otherwise;
  };
  const rankOf = reader("rankPattern", r);
  const alphaOf = reader("alphaPattern", loraAlpha);

  const isCalled = (path: string, name: string): boolean => path === name || path.endsWith(`.${name}`);
  const isTarget =
    typeof targetModules === "string"
      ? matcher(nameOf("targetModules"), targetModules)
      : (path: string) => targetModules.some((name) => isCalled(path, name));
  const targets = paths.filter(isTarget);
  const absent =
    typeof targetModules === "string"
      ? targets.length === 0 && [targetModules]
      : targetModules.filter((name) => !targets.some((path) => isCalled(path, name)));
  for (const name of absent || []) refuse(`${nameOf("targetModules")}: no module's path matches ${show(name)}`);

  // PEFT compares the ends of paths here, whether or not a dot comes before.
  const saved = [...modules].filter(([path]) => modulesToSave.some((name) => path.endsWith(name)));
  for (const name of modulesToSave) {
    if (paths.some((path) => path.endsWith(name))) continue;
    refuse(`${nameOf("modulesToSave")}: no module's path ends with ${show(name)}`);
  }
  const isSaved = (path: string): boolean => saved.some(([at]) => path === at || path.startsWith(`${at}.`));

  const sites = new Map<Module, Site>();
  const add = (path: string, filePath: string, module: Module, weight: Tensor<"float32">, named: string): void => {
    const rank = rankOf(named);
    const scaling = alphaOf(named) / (useRslora ? Math.sqrt(rank) : rank);
    const isEmbedding = embeddingSlot(module) !== undefined;
    sites.set(module, { path, filePath, module, weight, isEmbedding, rank, scaling });
  };
  for (const path of targets) {
    const module = modules.get(path) as Module;
    if (isSaved(path) || sites.has(module)) continue;
    const weight = weightOf(module);
    const isAttention = "out_proj" in module;
    if (weight === undefined) {
      const flaw = isAttention ? "has keys or values of another width" : "is no Linear, Embedding or attention";
      refuse(`${nameOf("targetModules")}: ${path}, ${kindOf(module)}, ${flaw}`);
      continue;
    }
    add(path, path, module, weight, path);
    if (!isAttention) continue;
    if (loraDropout > 0) refuse(`${nameOf("loraDropout")}: ${path} is an attention, which takes none`);
    // As in PEFT the output projection goes along, whatever it is called in patterns.
    const { out_proj: output } = module as Module & { out_proj: Module & { weight: Tensor<"float32"> } };
    add(`${path}.out_proj`, `${path}.base_layer.out_proj`, rawModule(output), output.weight, path);
  }

  if (targets.length > 0 && targets.every(isSaved)) {
    refuse(`${nameOf("targetModules")}: ${targets.join(", ")} learn as a whole, by ${nameOf("modulesToSave")}`);
  }

  const tiesOf = tiesIn(model);
  for (const [path, module] of saved) {
    for (const [name, parameter] of module.namedParameters()) {
      const ties = tiesOf(parameter, isSaved);
      if (ties !== undefined) refuse(`${nameOf("modulesToSave")}: ${path}.${name} ${ties}`);
    }
  }
  return { adapted: [...sites.values()], saved };
}
