import { checkBoolean, checkOptions } from "../arguments.js";
import { codedRangeError, codedTypeError, typeError } from "../errors.js";
import { hidden } from "../hidden.js";
import { kindOf } from "../kind.js";
import { runCall } from "../ops/call.js";
import { describeFloat, type FloatOperand } from "../ops/float-operand.js";
import type { TensorLike } from "../ops/operand.js";
import { float32View } from "../runtime/memory.js";
import { show } from "../show.js";
import { keep, scope } from "../tensor/scope.js";
import { elementCount, sameShape } from "../tensor/shape.js";
import { pointerOf, type Tensor } from "../tensor/tensor.js";
import type { UnsupportedTensor } from "../tensor/unsupported-tensor.js";

/** A module's parameters by PyTorch's names, in PyTorch's order. */
export type StateDict = Record<string, Tensor>;

/** A tensor by name, or what `loadSafetensors` gives for a dtype without arithmetic: the latter a parameter refuses. */
type StateDictValue = TensorLike | UnsupportedTensor;

/** What `loadStateDict` takes: an object or a Map. */
export type StateDictLike = Readonly<Record<string, StateDictValue>> | ReadonlyMap<string, StateDictValue>;

/** Options of `loadStateDict`. */
export interface LoadStateDictOptions {
  /** Throw when a name is missing or unknown. Default: true. A wrong shape throws in any case. */
  strict?: boolean;
}

/** The names on which `loadStateDict` and the module disagree; with `strict` there are none. */
export interface LoadStateDictResult {
  missingKeys: string[];
  unexpectedKeys: string[];
}

function readEntries(operation: string, dict: unknown): Map<string, TensorLike> {
  if (typeof dict !== "object" || dict === null || Array.isArray(dict)) {
    throw typeError(operation, "dict", "an object or a Map of tensors by name", dict);
  }
  const entries = kindOf(dict) === "Map" ? (dict as Map<unknown, TensorLike>) : Object.entries(dict);
  const read = new Map<string, TensorLike>();
  for (const [name, value] of entries as Iterable<[unknown, TensorLike]>) {
    if (typeof name !== "string") throw typeError(operation, "dict", "names that are strings", name);
    read.set(name, value);
  }
  return read;
}

const quoted = (names: readonly string[]): string => names.map((name) => JSON.stringify(name)).join(", ");

/** What every name begins with, when most parameters are there under it; undefined when nothing is. */
function commonPrefix(entries: ReadonlyMap<string, unknown>, parameters: Iterable<string>): string | undefined {
  const wanted = [...parameters];
  const [first = "", ...others] = entries.keys();
  for (let dot = first.indexOf("."); dot >= 0; dot = first.indexOf(".", dot + 1)) {
    const prefix = first.slice(0, dot + 1);
    if (!others.every((name) => name.startsWith(prefix))) return undefined;
    if (wanted.filter((name) => entries.has(prefix + name)).length > wanted.length / 2) return prefix;
  }
  return undefined;
}

const raw = /* @__PURE__ */ hidden<Module, Module>();

/** The layer itself, where a proxy of it was asked: the one that has the private members. */
export const rawModule = <M extends Module>(module: M): M => (raw.get(module) ?? module) as M;

/** Defines read-only properties that can be enumerated, since comparisons of layers go by these. */
function define(target: object, properties: Readonly<Record<string, unknown>>): void {
  for (const [name, value] of Object.entries(properties)) {
    Object.defineProperty(target, name, { value, enumerable: true });
  }
}

/** Parameters by their names in the state dict, where "out_proj.weight" is the `weight` of `out_proj`. */
function nested(parameters: StateDict): Record<string, Tensor | StateDict> {
  const tree: Record<string, Tensor | StateDict> = {};
  for (const [path, parameter] of Object.entries(parameters)) {
    const [name, inner] = path.split(".");
    if (inner === undefined) tree[name] = parameter;
    else tree[name] = { ...(tree[name] as StateDict | undefined), [inner]: parameter };
  }
  return tree;
}

/**
 * A layer with parameters of its own, all float32. It starts in training mode, as in PyTorch.
 *
 * Its configuration, its mode and its parameters are properties that can be enumerated, so that comparisons
 * (`assert.deepEqual`, `toEqual`) find two layers equal exactly when they are of the same class and these are equal.
 */
export abstract class Module {
  /** Whether the module is in training mode, in which alone dropout is applied. */
  declare readonly training: boolean;
  /** The class's name in errors. */
  readonly #name: string;
  readonly #parameters: ReadonlyMap<string, Tensor>;
  #isTraining = true;
  #isDisposed = false;

  /**
   * `configuration` is what distinguishes it from other layers of its class; `create` makes the parameters by name, of
   * which none is left behind when it throws.
   */
  protected constructor(name: string, configuration: Readonly<Record<string, unknown>>, create: () => StateDict) {
    raw.set(this, this);
    this.#name = name;
    const parameters = scope(create);
    for (const parameter of Object.values(parameters)) keep(parameter);
    this.#parameters = new Map(Object.entries(parameters));
    define(this, configuration);
    define(this, nested(parameters));
    Object.defineProperty(this, "training", { enumerable: true, get: () => this.#isTraining });
  }

  /** Whether `dispose` has been called. */
  get disposed(): boolean {
    return rawModule(this).#isDisposed;
  }

  /** The class's name in errors; where objects are told by it, layers are no plain ones (Vue leaves them as they are). */
  get [Symbol.toStringTag](): string {
    return rawModule(this).#name;
  }

  /** Switches to training mode, or with `false` to evaluation. Returns the module. */
  train(mode = true): this {
    const self = rawModule(this);
    self.#isTraining = checkBoolean(`${self.#name}.train`, "mode", mode);
    return this;
  }

  /** Switches to evaluation mode: no dropout. Returns the module. */
  eval(): this {
    return this.train(false);
  }

  /**
   * The parameters by PyTorch's names. These are the module's own tensors, not copies, and end with it. The kernels
   * compute with a packed form, so what is written into a `view` of one takes effect with the next `loadStateDict`, be it
   * of this very dictionary.
   *
   * Throws a TypeError when the module has been disposed.
   */
  stateDict(): StateDict {
    const self = rawModule(this);
    self.requireUsable("stateDict");
    return Object.fromEntries(self.#parameters);
  }

  /** The parameters in the order of `stateDict`, whose words about ownership hold here too. */
  parameters(): Tensor[] {
    const self = rawModule(this);
    self.requireUsable("parameters");
    return [...self.#parameters.values()];
  }

  /**
   * Copies parameters from a dictionary with PyTorch's names; float16 and bfloat16 are widened. Either all that fit are
   * copied, or, when it throws, none.
   *
   * Throws a RangeError that lists missing names, unknown names and wrong shapes (the first two only with `strict`), and
   * tells a prefix that all names have; a TypeError for anything but float tensors.
   */
  loadStateDict(dict: StateDictLike, options?: LoadStateDictOptions): LoadStateDictResult {
    const self = rawModule(this);
    const operation = self.requireUsable("loadStateDict");
    const { strict: isStrict = true } = checkOptions(operation, options, ["strict"]);
    checkBoolean(operation, "strict", isStrict);
    const entries = readEntries(operation, dict);

    const missingKeys = [...self.#parameters.keys()].filter((name) => !entries.has(name));
    const unexpectedKeys = [...entries.keys()].filter((name) => !self.#parameters.has(name));
    const loaded: [Tensor, FloatOperand][] = [];
    const problems: string[] = [];
    for (const [name, parameter] of self.#parameters) {
      const value = entries.get(name);
      if (value === undefined) continue;
      const operand = describeFloat(operation, name, value);
      if (!sameShape(operand.shape, parameter.shape)) {
        problems.push(`${name}: expected shape ${show(parameter.shape)}, got ${show(operand.shape)}`);
      }
      loaded.push([parameter, operand]);
    }
    const code = isStrict && missingKeys.length + unexpectedKeys.length > 0 ? "ERR_INVALID_VALUE" : "ERR_SHAPE";
    if (isStrict && unexpectedKeys.length > 0) problems.unshift(`unexpected keys ${quoted(unexpectedKeys)}`);
    if (isStrict && missingKeys.length > 0) problems.unshift(`missing keys ${quoted(missingKeys)}`);
    const prefix = isStrict && missingKeys.length > 0 ? commonPrefix(entries, self.#parameters.keys()) : undefined;
    if (prefix !== undefined) problems.unshift(`every name begins with ${JSON.stringify(prefix)}; take it off first`);
    if (problems.length > 0) throw codedRangeError(code, `${operation}: dict: ${problems.join("; ")}`);

    runCall(operation, (call) => {
      // All that could fail comes before the first parameter changes.
      const copies = loaded.map(([parameter, operand]) => ({
        target: pointerOf(parameter, operation, operand.argument),
        source: call.inputAsFloat32(operand),
        length: elementCount(parameter.shape),
      }));
      for (const { target, source, length } of copies) {
        float32View(target, length).set(float32View(source, length));
      }
    });
    self.parametersChanged();
    return { missingKeys, unexpectedKeys };
  }

  /** Gives the memory of the parameters back. Using the module afterwards throws a TypeError. */
  dispose(): void {
    const self = rawModule(this);
    self.#isDisposed = true;
    for (const parameter of self.#parameters.values()) parameter.dispose();
  }

  /** A method's name in errors. Throws a TypeError when the module has been disposed. */
  protected requireUsable(method: string): string {
    const self = rawModule(this);
    const operation = `${self.#name}.${method}`;
    if (self.#isDisposed) {
      throw codedTypeError("ERR_DISPOSED", `${operation}: this: the ${self.#name} has been disposed`);
    }
    return operation;
  }

  /** Called when parameters have other values: what was derived from them is out of date. */
  protected abstract parametersChanged(): void;
}
