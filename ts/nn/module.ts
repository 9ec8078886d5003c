import { checkBoolean, checkOptions } from "../arguments.js";
import { codedTypeError, misuseError, typeError } from "../errors.js";
import { hidden } from "../hidden.js";
import { kindOf } from "../kind.js";
import { tensorOf } from "../ops/operand.js";
import type { PackedLinear } from "../ops/packed-linear.js";
import { overwrite } from "../tensor/overwrite.js";
import { scope } from "../tensor/scope.js";
import {
  isTensor,
  rawTensor,
  requireUsable as requireUsableTensor,
  setRequiresGrad,
  type Tensor,
} from "../tensor/tensor.js";
import { roleOf } from "./parameter.js";
import {
  type LoadStateDictOptions,
  type LoadStateDictResult,
  matchStateDict,
  type StateDict,
  type StateDictLike,
} from "./state-dict.js";

/** What a module keeps to itself. */
interface Internals {
  /** The module itself, where a proxy of it was asked: the one that has the private members. */
  readonly module: Module;
  /** The linear layers that it computes with, each with a packed copy of its weight. */
  readonly packed: PackedLinear[];
  /** What ends with it besides. */
  readonly owned: Set<{ dispose(): void }>;
  isTraining: boolean;
  isDisposed: boolean;
}

const internals = /* @__PURE__ */ hidden<Module, Internals>();

function internalsOf(module: Module): Internals {
  const own = internals.get(module);
  if (own === undefined) throw typeError("Module", "this", "a Module", module);
  return own;
}

/** Whether a value is a module, or a proxy of one. */
export const isModule = (value: unknown): value is Module => internals.get(value) !== undefined;

/** Throws a TypeError for anything but a module. */
export function requireModule(operation: string, argument: string, value: unknown): void {
  if (!isModule(value)) throw typeError(operation, argument, "a Module", value);
}

/** The module itself, of a proxy of it. */
export const rawModule = <M extends Module>(module: M): M => internalsOf(module).module as M;

/** A method's name in errors. Throws a TypeError when the module has been disposed. */
export function requireUsable(module: Module, method: string): string {
  const name = module[Symbol.toStringTag];
  const operation = `${name}.${method}`;
  if (internalsOf(module).isDisposed) {
    throw codedTypeError("ERR_DISPOSED", `${operation}: this: the ${name} has been disposed`);
  }
  return operation;
}

/** Defines read-only properties that can be enumerated, since comparisons of modules go by these. */
export function define(module: Module, properties: Readonly<Record<string, unknown>>): void {
  for (const [name, value] of Object.entries(properties)) {
    Object.defineProperty(module, name, { value, enumerable: true });
  }
}

/** Lets a module own the packed copy of a weight of its own. Returns it. */
export function withPacked(module: Module, packed: PackedLinear): PackedLinear {
  internalsOf(module).packed.push(packed);
  return packed;
}

/** The linear layers that a module itself computes with. */
export const packedOf = (module: Module): readonly PackedLinear[] => internalsOf(module).packed;

/** What no property shows, but ends with a module. */
export const ownedBy = (module: Module): Set<{ dispose(): void }> => internalsOf(module).owned;

/** A tensor, a module or an array, in which there may be some; undefined for all else. */
const memberOf = (value: unknown): Tensor | Module | readonly unknown[] | undefined =>
  rawTensor(value) ?? internals.get(value)?.module ?? (Array.isArray(value) ? value : undefined);

/** What a module and those below it hold, under every path: of each, parameters, buffers, modules, as in PyTorch. */
interface Tree {
  readonly modules: (readonly [path: string, module: Module])[];
  readonly tensors: (readonly [path: string, tensor: Tensor])[];
}

/** Adds a module, or an array, to a tree; `holders` are those in which it stands. */
function grow(tree: Tree, operation: string, holder: object, path: string, holders: readonly object[]): void {
  if (holders.includes(holder)) {
    throw misuseError(
      operation,
      path,
      "a module that holds itself; keep what points back in a private property (#name)",
    );
  }
  if (!Array.isArray(holder)) tree.modules.push([path, holder as Module]);
  const members = Object.entries(holder).flatMap(([name, value]) => {
    const member = memberOf(value);
    return member === undefined ? [] : [[path === "" ? name : `${path}.${name}`, member] as const];
  });
  for (const role of ["parameter", "buffer"] as const) {
    for (const [at, member] of members) {
      if (isTensor(member) && roleOf(member) === role) tree.tensors.push([at, member]);
    }
  }
  for (const [at, member] of members) {
    if (!isTensor(member)) grow(tree, operation, member, at, [...holders, holder]);
  }
}

/** Throws a TypeError when the module holds itself. */
function treeOf(operation: string, module: Module): Tree {
  const tree: Tree = { modules: [], tensors: [] };
  grow(tree, operation, rawModule(module), "", []);
  return tree;
}

/** By name, each once, under its first name. */
function distinct<T>(entries: Iterable<readonly [name: string, value: T]>): Map<string, T> {
  const names = new Map<T, string>();
  for (const [name, value] of entries) if (!names.has(value)) names.set(value, name);
  return new Map(Array.from(names, ([value, name]) => [name, value]));
}

function parametersOf(module: Module, method: string): Map<string, Tensor<"float32">> {
  const { tensors } = treeOf(requireUsable(module, method), module);
  const parameters = tensors.filter(([, tensor]) => roleOf(tensor) === "parameter");
  return distinct(parameters as (readonly [string, Tensor<"float32">])[]);
}

/** `loadStateDict`, under a name in errors, of options that have been checked. */
export function load(
  operation: string,
  module: Module,
  dict: StateDictLike,
  options: LoadStateDictOptions,
): LoadStateDictResult {
  const expected = new Map(treeOf(operation, module).tensors);
  const { found, ...disagreement } = matchStateDict(operation, dict, expected, options);
  scope(() => {
    // All that could fail comes before the first tensor changes.
    const copies = found.map(([target, operand]) => [target, tensorOf(operation, operand, target.dtype)] as const);
    for (const [target, { argument }] of found) requireUsableTensor(operation, argument, target);
    for (const [target, source] of copies) overwrite(target, source.view());
  });
  return disagreement;
}

/**
 * The base of all layers and models, to be extended as PyTorch's `nn.Module`.
 *
 * What a module consists of is found by its properties, whenever it is asked for: modules, and tensors that `parameter` or
 * `buffer` has marked, in properties of their own or in arrays. Whatever else a property holds is left alone. The way there
 * is the name in the state dict: `layers.0.weight`. A tensor that stands in two places is one parameter with two names (tied
 * weights). A module may stand in several places too, but not in itself.
 *
 * A module owns what it consists of: no scope frees it, and `dispose` gives it all back, what it shares with other modules
 * included. If a constructor throws half way, the parts that it had made can be given back by nobody but the garbage
 * collector, where the host has a `FinalizationRegistry`: check arguments before making parts.
 *
 * It starts in training mode, as in PyTorch. The mode can be enumerated, as are the properties of layers, so that comparisons
 * (`assert.deepEqual`, `toEqual`) find two modules equal exactly when they are of the same class and hold the same. In errors
 * a module has the name of its class.
 *
 * @example
 * ```ts
 * import { init, Linear, Module, scope, type Tensor, type TensorLike } from "wasm-attention";
 *
 * await init();
 * class Perceptron extends Module {
 *   hidden = new Linear(2, 8, { activation: "relu" });
 *   output = new Linear(8, 1);
 *
 *   forward(input: TensorLike): Tensor {
 *     return scope(() => this.output.forward(this.hidden.forward(input)));
 *   }
 * }
 * const model = new Perceptron();
 * console.log([...model.namedParameters().keys()]); // ["hidden.weight", "hidden.bias", "output.weight", "output.bias"]
 * console.log(model.forward({ data: [1, 2, 3, 4], shape: [2, 2] }).shape); // [2, 1]
 * model.dispose();
 * ```
 */
export abstract class Module {
  /** Whether the module is in training mode, in which alone dropout is applied. */
  declare readonly training: boolean;

  /** A module in training mode, as yet without anything in it. */
  constructor() {
    const own: Internals = { module: this, packed: [], owned: new Set(), isTraining: true, isDisposed: false };
    internals.set(this, own);
    Object.defineProperty(this, "training", { enumerable: true, get: () => own.isTraining });
  }

  /** Whether `dispose` has been called. */
  get disposed(): boolean {
    return internalsOf(this).isDisposed;
  }

  /** The name in errors; where objects are told by it, modules are no plain ones (Vue leaves them as they are). */
  get [Symbol.toStringTag](): string {
    return this.constructor.name || "Module";
  }

  /**
   * Switches the module and all below it to training mode, or with `false` to evaluation.
   *
   * @param mode Default: true.
   * @returns The module.
   * @throws {TypeError} for anything but a boolean, and when the module holds itself.
   */
  train(mode = true): this {
    const operation = `${this[Symbol.toStringTag]}.train`;
    checkBoolean(operation, "mode", mode);
    const { modules } = treeOf(operation, this);
    internalsOf(this).isTraining = mode;
    // By their own methods, which users may have overridden.
    for (const [, module] of modules.slice(1)) module.train(mode);
    return this;
  }

  /**
   * Switches the module and all below it to evaluation mode: no dropout.
   *
   * @returns The module.
   * @throws {TypeError} when the module holds itself.
   */
  eval(): this {
    return this.train(false);
  }

  /**
   * The module itself, under the name "", and all below it, each once, under its first name.
   *
   * @returns Modules by name, in the order of the state dict.
   * @throws {TypeError} when the module has been disposed or holds itself.
   */
  namedModules(): Map<string, Module> {
    return distinct(treeOf(requireUsable(this, "namedModules"), this).modules);
  }

  /**
   * The parameters, each once, under its first name. These are the module's own tensors, not copies, and end with it.
   *
   * @returns Parameters by name, in the order of the state dict.
   * @throws {TypeError} when the module has been disposed or holds itself.
   */
  namedParameters(): Map<string, Tensor<"float32">> {
    return parametersOf(this, "namedParameters");
  }

  /**
   * The parameters without their names, as an optimizer takes them.
   *
   * @returns What `namedParameters` has, in its order.
   * @throws {TypeError} when the module has been disposed or holds itself.
   */
  parameters(): Tensor<"float32">[] {
    return [...parametersOf(this, "parameters").values()];
  }

  /**
   * Sets whether parameters require gradients, as they do from birth: optimizers leave alone those that don't (they are frozen).
   *
   * @param value Whether they do.
   * @param pattern Of all parameters those whose name it matches. Default: all.
   * @returns The module.
   * @throws {TypeError} for other kinds, and when the module has been disposed or holds itself.
   */
  requiresGrad(value: boolean, pattern?: RegExp): this {
    const parameters = parametersOf(this, "requiresGrad");
    const operation = `${this[Symbol.toStringTag]}.requiresGrad`;
    checkBoolean(operation, "value", value);
    if (pattern !== undefined && kindOf(pattern) !== "RegExp") {
      throw typeError(operation, "pattern", "a regular expression", pattern);
    }
    for (const [name, parameter] of parameters) {
      // A global expression would remember where its last match ended.
      if (pattern === undefined || name.search(pattern) >= 0) setRequiresGrad(parameter, value);
    }
    return this;
  }

  /**
   * Disposes the gradients of all parameters, which become null.
   *
   * @throws {TypeError} when the module has been disposed or holds itself.
   */
  zeroGrad(): void {
    for (const parameter of parametersOf(this, "zeroGrad").values()) parameter.zeroGrad();
  }

  /**
   * The parameters and buffers by PyTorch's names; a tensor that stands in two places is there twice. These are the module's
   * own tensors, not copies, and end with it.
   *
   * Layers compute with a packed copy of their weights, so what is written into a `view` of one takes effect after
   * `dropPackedWeights`, or with the next `loadStateDict`, be it of this very dictionary.
   *
   * @returns Of each module its parameters, its buffers, then what the modules in it hold.
   * @throws {TypeError} when the module has been disposed or holds itself.
   */
  stateDict(): StateDict {
    const { tensors } = treeOf(requireUsable(this, "stateDict"), this);
    return Object.fromEntries<Tensor>(tensors);
  }

  /**
   * Copies parameters and buffers from a dictionary with PyTorch's names. Floats are converted to the dtype that is there,
   * so that 16-bit ones are widened for parameters. A tensor with several names needs one of them alone. Either all that fit
   * are copied, or, when it throws, none; one error lists all that is wrong.
   *
   * @example
   * ```js
   * import { init, Linear } from "wasm-attention";
   *
   * await init();
   * const layer = new Linear(2, 1);
   * const dict = { "head.weight": { data: [1, 2], shape: [1, 2] }, "head.bias": { data: [3], shape: [1] } };
   * layer.loadStateDict(dict, { prefix: "head." });
   * console.log(layer.forward({ data: [10, 100], shape: [2] }).item()); // 213
   * ```
   *
   * @param dict Tensors by name, as `loadSafetensors(bytes).tensors` or the state dict of another module.
   * @param options Whether all names must agree, and a prefix of the dictionary's names.
   * @returns The names on which the two disagree.
   * @throws {TypeError} when a value is no tensor or of a dtype that doesn't fit, and when the module has been disposed or
   *   holds itself.
   * @throws {RangeError} for missing names, unknown names (both with `strict` alone) and wrong shapes, telling a prefix that all
   *   names have; and for lack of memory.
   */
  loadStateDict(dict: StateDictLike, options?: LoadStateDictOptions): LoadStateDictResult {
    const operation = requireUsable(this, "loadStateDict");
    return load(operation, this, dict, checkOptions(operation, options, ["strict", "prefix"]));
  }

  /**
   * Gives back the memory of the packed copies of weights in the module and all below it. The next `forward` makes them anew,
   * of the weights as they then are: also after they were written into by `view`, which nothing else tells.
   *
   * @throws {TypeError} when the module has been disposed or holds itself.
   */
  dropPackedWeights(): void {
    for (const [, module] of treeOf(requireUsable(this, "dropPackedWeights"), this).modules) {
      for (const packed of internalsOf(module).packed) packed.drop();
    }
  }

  /**
   * Gives back the memory of all that the module and those below it hold. Using them afterwards throws a TypeError; disposing
   * them again does nothing.
   *
   * @throws {TypeError} when the module holds itself.
   */
  dispose(): void {
    const own = internalsOf(this);
    if (own.isDisposed) return;
    const { modules, tensors } = treeOf(`${this[Symbol.toStringTag]}.dispose`, this);
    own.isDisposed = true;
    for (const packed of own.packed) packed.drop();
    for (const owned of own.owned) owned.dispose();
    for (const [, tensor] of tensors) tensor.dispose();
    // By their own methods, which users may have overridden.
    for (const [, module] of modules.slice(1)) module.dispose();
  }
}
