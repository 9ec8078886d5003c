import { checkInteger, checkNumber } from "../../arguments.js";
import { codedTypeError, shapeError, typeError } from "../../errors.js";
import { hidden } from "../../hidden.js";
import { type Call, runCall } from "../../ops/call.js";
import { describeFloat } from "../../ops/float-operand.js";
import { readNumbers } from "../../ops/numbers.js";
import { tensorOf, type TensorLike } from "../../ops/operand.js";
import type { Kernels } from "../../runtime/build.js";
import { requireInstance } from "../../runtime/instance.js";
import { filled } from "../../tensor/filled.js";
import { keep, scope } from "../../tensor/scope.js";
import { requireShape } from "../../tensor/shape.js";
import { createTensor, markChanged, requireUsable, type Tensor } from "../../tensor/tensor.js";
import { type CheckedGroup, type Parameters, readGroups } from "./parameter-groups.js";

/** Options of every optimizer. */
export interface Hyperparameters {
  /** Learning rate, at least 0. */
  lr: number;
  /** At least 0. */
  weightDecay: number;
}

/** Parameters and their hyperparameters, which may be changed from step to step. */
export type OptimizerGroup<H extends Hyperparameters> = H & { readonly parameters: readonly Tensor<"float32">[] };

/** What an optimizer remembers of a parameter. */
interface State {
  /** How often the parameter has been changed. */
  step: number;
  /** By PyTorch's names. */
  readonly tensors: Record<string, Tensor<"float32">>;
}

/** A parameter that a step changes. */
export interface Update<H> {
  readonly parameter: Tensor<"float32">;
  readonly gradient: Tensor<"float32">;
  readonly tensors: Readonly<Record<string, Tensor<"float32">>>;
  /** Whether some of these tensors, which are then 0, have just been made. */
  readonly isNew: boolean;
  /** The number of the step, from 1. */
  readonly step: number;
  readonly hyperparameters: H;
  /** The learning rate of this step. */
  readonly lr: number;
}

/** What tells one optimizer from another. */
export interface UpdateRule<H extends Hyperparameters> {
  /** Throws unless hyperparameters besides those of all optimizers are right. */
  readonly check: (operation: string, hyperparameters: H) => void;
  /** The tensors of a parameter's state, by PyTorch's names. */
  readonly names: (hyperparameters: H) => readonly string[];
  /** Allocates what an update needs, and gives the call of a kernel that does it. */
  readonly prepare: (call: Call, update: Update<H>) => (kernels: Kernels) => void;
}

/** The state of an optimizer under PyTorch's names. */
export interface OptimizerStateDict {
  /** By the number of the parameter. */
  readonly state: Readonly<Record<string, Readonly<Record<string, number | Tensor<"float32">>>>>;
  readonly param_groups: readonly Readonly<Record<string, unknown>>[];
}

/** As `stateDict` gives it, or with what stands for tensors in place of them. */
export interface OptimizerStateDictLike {
  readonly state: Readonly<Record<string, Readonly<Record<string, number | TensorLike | null>>>>;
  readonly param_groups: readonly Readonly<Record<string, unknown>>[];
}

interface Internals {
  readonly rule: UpdateRule<Hyperparameters>;
  readonly states: Map<Tensor, State>;
  isDisposed: boolean;
}

const internals = /* @__PURE__ */ hidden<object, Internals>();

const toSnakeCase = (name: string): string => (name === "weightDecay" ? "weight_decay" : name);

/** Options, with the default of each that is undefined. */
export const withDefaults = <H extends object>(defaults: H, given: Partial<H>): H =>
  Object.assign({ ...defaults }, Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined)));

function checkHyperparameters<H extends Hyperparameters>(operation: string, rule: UpdateRule<H>, values: H): void {
  checkNumber(operation, "lr", values.lr, 0);
  checkNumber(operation, "weightDecay", values.weightDecay, 0);
  rule.check(operation, values);
}

const disposeAll = ({ tensors }: State): void => Object.values(tensors).forEach((tensor) => tensor.dispose());

/**
 * What optimizers have in common: groups of parameters, the state of each, and a step that changes them all or none.
 *
 * The state (momentum, moments) belongs to the optimizer: no scope frees it, `dispose` does. It is made by the first step.
 */
export abstract class Optimizer<H extends Hyperparameters = Hyperparameters> {
  /** The parameters with their hyperparameters, as PyTorch's `param_groups`. */
  readonly paramGroups: readonly OptimizerGroup<H>[];
  /** What every group's learning rate is multiplied with, as a schedule says. It is not part of the state. */
  lrFactor = 1;

  /** @internal Its declaration would bring in those of all kernels. */
  protected constructor(operation: string, parameters: Parameters, defaults: H, rule: UpdateRule<H>) {
    requireInstance(operation);
    const groups = readGroups(operation, parameters).map((group: CheckedGroup) => {
      const { lr = defaults.lr, weightDecay = defaults.weightDecay } = group;
      const complete = { ...defaults, lr, weightDecay, parameters: group.parameters };
      checkHyperparameters(operation, rule, complete);
      return complete;
    });
    this.paramGroups = groups;
    internals.set(this, { rule: rule as unknown as UpdateRule<Hyperparameters>, states: new Map(), isDisposed: false });
  }

  /** The learning rate of the first group; what is set becomes every group's. */
  get lr(): number {
    return this.paramGroups[0].lr;
  }

  set lr(value: number) {
    checkNumber(`${this[Symbol.toStringTag]}.lr`, "value", value, 0);
    for (const group of this.paramGroups) group.lr = value;
  }

  /** The name in errors. */
  get [Symbol.toStringTag](): string {
    return this.constructor.name;
  }

  /**
   * Changes every parameter that requires gradients and has one; others stay as they are, weight decay included. Parameters that have
   * been changed make the graphs that saved them unusable.
   *
   * @throws {TypeError} when the optimizer or a parameter has been disposed, and for hyperparameters of a wrong kind.
   * @throws {RangeError} for wrong hyperparameters (a learning rate that is NaN or negative), and for lack of memory: then
   *   nothing has changed.
   */
  step(): void {
    const operation = `${this[Symbol.toStringTag]}.step`;
    const { rule, states } = ownOf<H>(operation, this);
    checkNumber(operation, "lrFactor", this.lrFactor, 0);
    const updates: { readonly state: State; readonly update: Update<H> }[] = [];
    const fresh = new Map<Tensor, State>();
    scope(() => {
      for (const group of this.paramGroups) {
        checkHyperparameters(operation, rule, group);
        for (const parameter of group.parameters) {
          requireUsable(operation, "parameter", parameter);
          const gradient = parameter.requiresGrad ? parameter.grad : null;
          if (gradient === null) continue;
          const before = states.get(parameter) ?? { step: 0, tensors: {} };
          const tensors = { ...before.tensors };
          const missing = rule.names(group).filter((name) => !(name in tensors));
          for (const name of missing) tensors[name] = filled(operation, parameter.shape, 0);
          const state = { step: before.step, tensors };
          fresh.set(parameter, state);
          const step = state.step + 1;
          updates.push({
            state,
            update: {
              parameter,
              gradient,
              tensors,
              isNew: missing.length > 0,
              step,
              hyperparameters: group,
              lr: group.lr * this.lrFactor,
            },
          });
        }
      }
      runCall(operation, (call) => {
        // Memory is there for all of them before the first one changes.
        const kernels = updates.map(({ update }) => rule.prepare(call, update));
        for (const [index, { state, update }] of updates.entries()) {
          call.kernel(kernels[index]);
          markChanged(update.parameter);
          state.step = update.step;
        }
      });
      for (const [parameter, state] of fresh) {
        Object.values(state.tensors).forEach(keep);
        states.set(parameter, state);
      }
    });
  }

  /** Disposes the gradients of all parameters, which become null. */
  zeroGrad(): void {
    for (const { parameters } of this.paramGroups) for (const parameter of parameters) parameter.zeroGrad();
  }

  /**
   * The state under PyTorch's names: in `state`, by the number of the parameter, `step` and the tensors, which are the
   * optimizer's own; in `param_groups` the hyperparameters and the numbers of the parameters.
   *
   * @returns Plain objects.
   * @throws {TypeError} when the optimizer has been disposed.
   */
  stateDict(): OptimizerStateDict {
    const { states } = ownOf<H>(`${this[Symbol.toStringTag]}.stateDict`, this);
    const state: Record<string, Record<string, number | Tensor<"float32">>> = {};
    let number = 0;
    const groups = this.paramGroups.map(({ parameters, ...hyperparameters }) => {
      const params = parameters.map((parameter) => {
        const own = states.get(parameter);
        if (own !== undefined) state[number] = { step: own.step, ...own.tensors };
        return number++;
      });
      const entries = Object.entries(hyperparameters).map(([name, value]) => [toSnakeCase(name), value] as const);
      return { ...Object.fromEntries(entries), params };
    });
    return { state, param_groups: groups };
  }

  /**
   * Takes over a state: copies its tensors, and the hyperparameters of its groups. All or nothing.
   *
   * @param dict As `stateDict` or PyTorch's `state_dict` has it, of an optimizer of the same kind over as many groups of as many
   *   parameters of the same shapes.
   * @throws {TypeError} for wrong kinds, and when the optimizer has been disposed.
   * @throws {RangeError} for other numbers of groups and parameters, other shapes, wrong hyperparameters, and for lack of
   *   memory.
   */
  loadStateDict(dict: OptimizerStateDictLike): void {
    const operation = `${this[Symbol.toStringTag]}.loadStateDict`;
    const { rule, states } = ownOf<H>(operation, this);
    const { state, param_groups: groups } = (dict ?? {}) as Partial<OptimizerStateDictLike>;
    if (typeof state !== "object" || state === null || !Array.isArray(groups)) {
      throw typeError(operation, "dict", "{ state, param_groups }", dict);
    }
    if (groups.length !== this.paramGroups.length) {
      throw shapeError(operation, "dict.param_groups", `${this.paramGroups.length} groups`, groups.length);
    }
    const settings = this.paramGroups.map((group, index) => {
      const given = groups[index] as Readonly<Record<string, unknown>>;
      const { length } = group.parameters;
      if (!Array.isArray(given?.params) || given.params.length !== length) {
        throw shapeError(operation, `dict.param_groups[${index}].params`, `${length} parameters`, given?.params);
      }
      // PyTorch's groups have further entries, of which we know nothing.
      const names = Object.keys(group).filter((name) => name !== "parameters");
      const values = names.map((name) => [name, given[toSnakeCase(name)] ?? group[name as keyof H]] as const);
      const complete: OptimizerGroup<H> = { ...group, ...Object.fromEntries(values) };
      checkHyperparameters(operation, rule, complete);
      return { complete, numbers: given.params.map(String) };
    });
    const loaded = scope(() =>
      settings.flatMap(({ complete, numbers }) =>
        complete.parameters.flatMap((parameter, index) => {
          const argument = `dict.state[${numbers[index]}]`;
          const own = state[numbers[index]];
          if (own === undefined) return [];
          return [[parameter, readState(operation, argument, own, parameter, rule.names(complete))] as const];
        }),
      ),
    );
    for (const old of states.values()) disposeAll(old);
    states.clear();
    for (const [parameter, own] of loaded) {
      Object.values(own.tensors).forEach(keep);
      states.set(parameter, own);
    }
    this.paramGroups.forEach((group, index) => Object.assign(group, settings[index].complete));
  }

  /** Gives back the memory of the state; parameters stay. Steps afterwards throw a TypeError. */
  dispose(): void {
    const own = internals.get(this);
    if (own === undefined || own.isDisposed) return;
    own.isDisposed = true;
    for (const state of own.states.values()) disposeAll(state);
    own.states.clear();
  }
}

function ownOf<H extends Hyperparameters>(
  operation: string,
  optimizer: object,
): { readonly rule: UpdateRule<H>; readonly states: Map<Tensor, State> } {
  const own = internals.get(optimizer);
  if (own === undefined) throw typeError(operation, "this", "an optimizer", optimizer);
  if (own.isDisposed) throw codedTypeError("ERR_DISPOSED", `${operation}: this: the optimizer has been disposed`);
  return { rule: own.rule, states: own.states };
}

/** A parameter's state, of the tensors with these names. */
function readState(
  operation: string,
  argument: string,
  given: Readonly<Record<string, number | TensorLike | null>>,
  { shape }: Tensor,
  names: readonly string[],
): State {
  if (typeof given !== "object" || given === null) throw typeError(operation, argument, "an object", given);
  const { step = 0 } = given;
  const [count] =
    typeof step === "number" ? [step] : readNumbers(operation, `${argument}.step`, step as TensorLike).values;
  checkInteger(operation, `${argument}.step`, count, 0);
  const tensors = names.flatMap((name) => {
    const value = given[name];
    // PyTorch has null where there is none yet.
    if (value === undefined || value === null) return [];
    const operand = describeFloat(operation, `${argument}.${name}`, value as TensorLike);
    requireShape(operation, operand, [shape], ", that of the parameter");
    const copy = createTensor(operation, shape, "float32");
    copy.view().set(tensorOf(operation, operand, "float32").view());
    return [[name, copy] as const];
  });
  return { step: count, tensors: Object.fromEntries(tensors) };
}
