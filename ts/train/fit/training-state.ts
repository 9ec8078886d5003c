import { AttentionError, shapeError, typeError } from "../../errors.js";
import { loadSafetensors } from "../../io/load-safetensors.js";
import { saveSafetensors } from "../../io/save-safetensors.js";
import { type Module, requireModule } from "../../nn/module.js";
import { matchStateDict } from "../../nn/state-dict.js";
import type { TensorLike } from "../../ops/operand.js";
import { generatorPosition, type Position, setGeneratorPosition } from "../../ops/random.js";
import { overwrite } from "../../tensor/overwrite.js";
import { scope } from "../../tensor/scope.js";
import type { DType } from "../../tensor/dtype.js";
import { sameShape, type Shape } from "../../tensor/shape.js";
import type { Elements } from "../../tensor/source.js";
import { isTensor, type Tensor } from "../../tensor/tensor.js";
import { ExponentialMovingAverage } from "../optimizers/exponential-moving-average.js";
import { Optimizer } from "../optimizers/optimizer.js";

const FORMAT = "wasm-attention training state";
const VERSION = "1";
/** Before the names of copies. */
const BEST = "best.";

/** What a training state is taken of, and given back to. */
export interface TrainingStateParts {
  /** Its parameters and buffers. */
  model: Module;
  /** Its state, its groups' hyperparameters and its `lrFactor`. */
  optimizer: Optimizer;
  /** Averages of parameters. */
  ema?: ExponentialMovingAverage | undefined;
}

/** What the JSON of a training state holds. */
interface Description {
  readonly optimizer: {
    readonly kind: string;
    readonly lrFactor: number;
    readonly steps: Readonly<Record<string, number>>;
    readonly paramGroups: readonly Readonly<Record<string, unknown>>[];
  };
  readonly averages: number;
  readonly generator: Position;
  readonly progress: unknown;
}

/** Copies of tensors by name, in memory of JavaScript's own. */
export type Copies = ReadonlyMap<string, { readonly data: Elements; readonly shape: Shape; readonly dtype: DType }>;

const broken = (operation: string, text: string, cause?: unknown): AttentionError =>
  new AttentionError("ERR_TRAINING_STATE", `${operation}: ${text}`, { cause });

/** JSON knows no NaN and no infinity: they become texts that nothing else is. */
const NUMBER = "number:";
const toJson = (value: unknown): string =>
  JSON.stringify(value, (_, item: unknown) =>
    typeof item === "number" && !Number.isFinite(item) ? `${NUMBER}${item}` : item,
  );
const fromJson = (text: string): unknown =>
  JSON.parse(text, (_, item: unknown) =>
    typeof item === "string" && item.startsWith(NUMBER) ? Number(item.slice(NUMBER.length)) : item,
  );

function checkParts(operation: string, { model, optimizer, ema }: TrainingStateParts): void {
  requireModule(operation, "model", model);
  if (!(optimizer instanceof Optimizer)) throw typeError(operation, "optimizer", "an optimizer", optimizer);
  if (ema !== undefined && !(ema instanceof ExponentialMovingAverage)) {
    throw typeError(operation, "ema", "an ExponentialMovingAverage", ema);
  }
}

/** The file, with how far a training has come and copies of the caller's. */
export function writeTrainingState(
  parts: TrainingStateParts,
  progress: unknown,
  generator = generatorPosition(),
  copies: Copies = new Map(),
): Uint8Array {
  const { model, optimizer, ema } = parts;
  const { state, param_groups: paramGroups } = optimizer.stateDict();
  const tensors: Record<string, TensorLike> = {};
  for (const [name, tensor] of Object.entries(model.stateDict())) tensors[`model.${name}`] = tensor;
  const steps: Record<string, number> = {};
  for (const [number, own] of Object.entries(state)) {
    for (const [name, value] of Object.entries(own)) {
      if (isTensor(value)) tensors[`optimizer.${number}.${name}`] = value;
      else steps[number] = value;
    }
  }
  ema?.averages.forEach((average, number) => (tensors[`ema.${number}`] = average));
  for (const [name, copy] of copies) tensors[BEST + name] = copy;
  const kind = optimizer[Symbol.toStringTag];
  const description: Description = {
    optimizer: { kind, lrFactor: optimizer.lrFactor, steps, paramGroups },
    averages: ema?.averages.length ?? 0,
    generator,
    progress,
  };
  return saveSafetensors(tensors, { format: FORMAT, version: VERSION, state: toJson(description) });
}

/** What is read from a file beside what it gives back. */
export interface ReadState {
  readonly progress: unknown;
  readonly copies: Copies;
}

/**
 * Reads a training state and gives it back to the parts of a training, after `check` has seen the rest: all of it, or, when it throws, nothing.
 */
export function readTrainingState(
  operation: string,
  bytes: Uint8Array | ArrayBuffer,
  parts: TrainingStateParts,
  check: (rest: ReadState) => void,
): ReadState {
  return scope(() => {
    const { tensors, metadata } = loadSafetensors(bytes);
    if (metadata["format"] !== FORMAT)
      throw broken(operation, "expected a training state, got another safetensors file");
    if (metadata["version"] !== VERSION) {
      throw broken(operation, `expected version ${VERSION} of the format, got ${metadata["version"]}`);
    }
    const { optimizer, averages, generator, progress } = describe(operation, metadata["state"]);
    const { model, ema } = parts;
    const kind = parts.optimizer[Symbol.toStringTag];
    if (optimizer.kind !== kind)
      throw broken(operation, `optimizer: expected ${kind}, got the state of ${optimizer.kind}`);
    if (averages !== (ema?.averages.length ?? 0)) {
      throw broken(operation, `ema: expected averages of ${ema?.averages.length ?? 0} parameters, got ${averages}`);
    }
    matchStateDict(operation, tensors, new Map(Object.entries(model.stateDict())), { prefix: "model." });
    const loaded = (ema?.averages ?? []).map((average, number) => {
      const tensor = tensors.get(`ema.${number}`);
      if (!isTensor(tensor) || tensor.dtype !== "float32" || !sameShape(tensor.shape, average.shape)) {
        throw shapeError(operation, `ema.${number}`, `float32 of shape [${average.shape.join(", ")}]`, tensor?.shape);
      }
      return [average, tensor as Tensor<"float32">] as const;
    });
    const rest = { progress, copies: copiesOf(tensors, BEST) };
    check(rest);

    const state: Record<string, Record<string, number | TensorLike>> = {};
    for (const [number, step] of Object.entries(optimizer.steps)) state[number] = { step };
    for (const [name, tensor] of tensors) {
      const [, number, own] = /^optimizer\.(\d+)\.(\w+)$/.exec(name) ?? [];
      if (number !== undefined && isTensor(tensor)) (state[number] ??= {})[own] = tensor;
    }
    // The only one of what follows that could fail, and it changes all or nothing.
    parts.optimizer.loadStateDict({ state, param_groups: optimizer.paramGroups });
    parts.optimizer.lrFactor = optimizer.lrFactor;
    model.loadStateDict(tensors, { prefix: "model." });
    for (const [average, tensor] of loaded) overwrite(average, tensor.view());
    setGeneratorPosition(generator);
    return rest;
  });
}

function describe(operation: string, text: string | undefined): Description {
  try {
    const value = fromJson(text ?? "") as Description;
    const { low, high } = value.generator.seed;
    const numbers = [value.averages, value.generator.offset, low, high, value.optimizer.lrFactor];
    if (numbers.every((number) => typeof number === "number") && typeof value.optimizer.steps === "object")
      return value;
  } catch (cause) {
    throw broken(operation, "the description of the training state is broken", cause);
  }
  throw broken(operation, "the description of the training state is incomplete");
}

/** Copies of tensors whose names begin with a prefix, without it. */
export const copiesOf = (tensors: Iterable<readonly [name: string, tensor: unknown]>, prefix = ""): Copies =>
  new Map(
    [...tensors].flatMap(([name, tensor]) => {
      if (!name.startsWith(prefix) || !isTensor(tensor)) return [];
      return [[name.slice(prefix.length), { data: tensor.toArray(), shape: tensor.shape, dtype: tensor.dtype }]];
    }),
  );

/**
 * What a training is made of, in one safetensors file: the model's parameters and buffers, the optimizer's state, averages, and where
 * the random generator stands. A training that goes on from it has the same bits as one that was not interrupted. `fit` saves its own, with
 * the place in the epoch, in its events; this is for loops of one's own.
 *
 * Weights alone are a model: `saveSafetensors(model.stateDict())`.
 *
 * @example
 * ```js
 * import { init, Linear } from "wasm-attention";
 * import { loadTrainingState, saveTrainingState, SGD } from "wasm-attention/train";
 *
 * await init();
 * const model = new Linear(2, 1);
 * const optimizer = new SGD(model.parameters(), { lr: 0.1, momentum: 0.9 });
 * const file = saveTrainingState({ model, optimizer }, { epoch: 3 });
 * console.log(loadTrainingState(file, { model, optimizer })); // { epoch: 3 }
 * ```
 *
 * @param parts The model, the optimizer and, where there are any, averages.
 * @param progress Whatever JSON can hold; NaN and infinities stay.
 * @returns The file. Write it beside the old one and rename it, so that an interrupted save leaves the old one whole.
 * @throws {TypeError} for wrong kinds, and for parts that have been disposed.
 */
export function saveTrainingState(parts: TrainingStateParts, progress: unknown = null): Uint8Array {
  checkParts("saveTrainingState", parts);
  return writeTrainingState(parts, progress);
}

/**
 * Gives back what `saveTrainingState` has saved: all of it, or, when it throws, nothing.
 *
 * @param bytes The whole file.
 * @param parts A model, an optimizer and averages of the same kinds and shapes.
 * @returns The progress that was saved.
 * @throws {AttentionError} (ERR_SAFETENSORS, ERR_TRAINING_STATE) for a file that is broken, or another one.
 * @throws {TypeError} for wrong kinds, and for parts that have been disposed.
 * @throws {RangeError} for names and shapes that don't fit, listed in one error, and for lack of memory.
 */
export function loadTrainingState(bytes: Uint8Array | ArrayBuffer, parts: TrainingStateParts): unknown {
  checkParts("loadTrainingState", parts);
  return readTrainingState("loadTrainingState", bytes, parts, () => {}).progress;
}
