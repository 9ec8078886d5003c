import { AttentionError, messageOf, typeError } from "../errors.js";
import { readBytes } from "../io/bytes.js";
import { loadSafetensors } from "../io/load-safetensors.js";
import { saveSafetensors } from "../io/save-safetensors.js";
import { decodeUtf8, encodeUtf8 } from "../io/utf8.js";
import { kindOf } from "../kind.js";
import { type Operand, tensorOf } from "../ops/operand.js";
import { show } from "../show.js";
import { scope } from "../tensor/scope.js";
import { isTensor, requireUsable, type Tensor } from "../tensor/tensor.js";
import { overwrite } from "../tensor/overwrite.js";
import { attach, keysOf, loraOf, readModel, requireNone, throwProblems } from "./lora.js";
import { configOf, jsonName, readConfig } from "./lora-settings.js";
import { findSites, shapesOf, type Sites } from "./lora-sites.js";
import type { Module } from "./module.js";
import { adoptParameters } from "./parameter.js";
import { type Expected, matchStateDict, type StateDictLike } from "./state-dict.js";

const CONFIG = "adapter_config.json";
const TENSORS = "adapter_model.safetensors";

/** PEFT's two files, by their names. */
export type LoraFiles = Record<typeof CONFIG | typeof TENSORS, Uint8Array>;

/** The same as `loadLora` takes them. Others beside them are not looked at. */
export interface LoraFilesLike {
  readonly "adapter_config.json": string | Uint8Array | ArrayBuffer;
  readonly "adapter_model.safetensors": Uint8Array | ArrayBuffer;
}

/** What the second file has before every path. */
const PREFIX = "base_model.model.";

/** What the second file must have: by name, a matrix of an adapter, or a tensor of the model's own. */
function expectedTensors({ adapted, saved }: Sites): Map<string, Expected | Tensor> {
  const expected = new Map<string, Expected | Tensor>();
  for (const site of adapted) {
    const shapes = shapesOf(site);
    keysOf(site).forEach((key, index) => {
      expected.set(`${PREFIX}${site.filePath}.${key}`, { shape: shapes[index], dtype: "float32" });
    });
  }
  for (const [path, module] of saved) {
    for (const [name, tensor] of Object.entries(module.stateDict())) expected.set(`${PREFIX}${path}.${name}`, tensor);
  }
  return expected;
}

/**
 * The adapters of a model, and its modules that learn as a whole, as the two files that PEFT keeps in a folder:
 * `adapter_config.json` and `adapter_model.safetensors`.
 *
 * @example
 * ```js
 * import { init, Linear, Module } from "wasm-attention";
 * import { addLora, loadLora, loraFiles } from "wasm-attention/nn";
 *
 * await init();
 * class Model extends Module {
 *   head = new Linear(16, 2);
 * }
 * const model = new Model();
 * addLora(model, { targetModules: ["head"] });
 * const files = loraFiles(model); // for (const [name, bytes] of Object.entries(files)) await writeFile(name, bytes)
 * const other = new Model();
 * loadLora(other, files);
 * console.log(Object.keys(other.stateDict())); // ["head.weight", "head.bias", "head.lora_A.weight", "head.lora_B.weight"]
 * ```
 *
 * @param model One that `addLora` or `loadLora` gave adapters, merged or not.
 * @returns The bytes of each file, by its name.
 * @throws {TypeError} for a model without adapters, and when it has been disposed.
 * @throws {RangeError} for lack of memory.
 */
export function loraFiles(model: Module): LoraFiles {
  const { settings, config, adapters, saved } = loraOf("loraFiles", model);
  const tensors = new Map<string, Tensor>();
  for (const adapter of adapters) {
    const [a, b] = keysOf(adapter);
    tensors.set(`${PREFIX}${adapter.filePath}.${a}`, adapter.a);
    tensors.set(`${PREFIX}${adapter.filePath}.${b}`, adapter.b);
  }
  for (const [name, tensor] of expectedTensors({ adapted: [], saved })) tensors.set(name, tensor as Tensor);
  const content = Object.entries({ ...config, ...configOf(settings) }).sort(([a], [b]) => (a < b ? -1 : 1));
  return {
    [CONFIG]: encodeUtf8(`${JSON.stringify(Object.fromEntries(content), null, 2)}\n`),
    // What PEFT's file says, and what some of its readers ask for.
    [TENSORS]: saveSafetensors(tensors, { format: "pt" }),
  };
}

/** What the first file says; undefined where `refuse` was told that it says nothing. */
function parseConfig(
  operation: string,
  file: unknown,
  refuse: (problem: string) => void,
): Readonly<Record<string, unknown>> | undefined {
  try {
    const text = typeof file === "string" ? file : decodeUtf8(readBytes(operation, CONFIG, file));
    const config: unknown = JSON.parse(text);
    if (kindOf(config) === "Object") return config as Record<string, unknown>;
    refuse(`${CONFIG}: expected an object, got ${show(config)}`);
  } catch (error) {
    if (error instanceof TypeError) throw error;
    refuse(`${CONFIG}: is not JSON in UTF-8: ${messageOf(error)}`);
  }
  return undefined;
}

/** The tensors that are expected, each with what the second file has for it. `refuse` is told of all that doesn't fit. */
function matchTensors(
  operation: string,
  tensors: StateDictLike,
  sites: Sites,
  refuse: (problem: string) => void,
): readonly (readonly [expected: Expected | Tensor, operand: Operand])[] {
  try {
    return matchStateDict(operation, tensors, expectedTensors(sites), {}).found;
  } catch (error) {
    if (!(error instanceof TypeError || error instanceof RangeError)) throw error;
    refuse(error.message.replace(`${operation}: dict: `, `${TENSORS}: `));
    return [];
  }
}

/**
 * Gives a model the adapters of PEFT's two files, ours or PEFT's: as `addLora` with their settings, with their A and B and their
 * whole modules. Tensors of 16 bits are widened.
 *
 * @example
 * ```js
 * import { init, Linear, Module } from "wasm-attention";
 * import { addLora, loadLora, loraFiles } from "wasm-attention/nn";
 *
 * await init();
 * class Model extends Module {
 *   head = new Linear(16, 2);
 * }
 * const trained = new Model();
 * addLora(trained, { targetModules: ["head"] });
 * const model = new Model();
 * loadLora(model, loraFiles(trained)); // or { "adapter_config.json": text, "adapter_model.safetensors": bytes } of a folder
 * console.log("head.lora_A.weight" in model.stateDict()); // true
 * ```
 *
 * @param model The model that they were trained with, without adapters as yet.
 * @param files The contents by the files' names; others are not looked at.
 * @throws {AttentionError} (ERR_ADAPTER) that lists all that is wrong: what is no adapter of LoRA's, what isn't computed here
 *   (DoRA, trained biases and the like) or is unknown, targets that the model lacks, names and shapes that don't fit;
 *   (ERR_SAFETENSORS) for a broken second file.
 * @throws {TypeError} for wrong kinds, a model that has adapters, and when it has been disposed.
 * @throws {RangeError} for lack of memory. Nothing has changed then, nor in any other of these cases.
 */
export function loadLora(model: Module, files: LoraFilesLike): void {
  const operation = "loadLora";
  const own = readModel(operation, model);
  requireNone(operation, own);
  if (typeof files !== "object" || files === null) {
    throw typeError(operation, "files", `{ "${CONFIG}", "${TENSORS}" }`, files);
  }
  const problems: (Error | string)[] = [];
  const refuse = (problem: Error | string): void => void problems.push(problem);
  const config = parseConfig(operation, files[CONFIG], refuse);
  scope(() => {
    const { tensors } = loadSafetensors(files[TENSORS]);
    const settings = config && readConfig(operation, config, refuse);
    const sites = settings && findSites(operation, own, settings, jsonName, refuse);
    const found = sites && matchTensors(operation, tensors, sites, refuse);
    throwProblems(operation, problems, (text) => new AttentionError("ERR_ADAPTER", text));
    if (!(config && settings && sites && found)) return;

    // All that could fail comes before the first change.
    const copies = found.flatMap(([target, operand]) =>
      isTensor(target) ? [[target, tensorOf(operation, operand, target.dtype)] as const] : [],
    );
    for (const [target] of copies) requireUsable(operation, "model", target);
    const matrices = found.flatMap(([target, operand]) => (isTensor(target) ? [] : [operand]));
    attach(own, settings, config, sites, adoptParameters(operation, matrices));
    for (const [target, source] of copies) overwrite(target, source.view());
  });
}
