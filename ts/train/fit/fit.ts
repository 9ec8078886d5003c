import { checkBoolean, checkInteger, checkOptions } from "../../arguments.js";
import { AttentionError, misuseError, rangeError, shapeError, typeError } from "../../errors.js";
import { drawSeed, generatorPosition, type Position, setGeneratorPosition } from "../../ops/random.js";
import { requireInstance } from "../../runtime/instance.js";
import { filled } from "../../tensor/filled.js";
import { scope } from "../../tensor/scope.js";
import type { Tensor } from "../../tensor/tensor.js";
import { clipGradNorm } from "../optimizers/clip.js";
import { ExponentialMovingAverage } from "../optimizers/exponential-moving-average.js";
import { Optimizer } from "../optimizers/optimizer.js";
import type { Schedule } from "../schedules.js";
import { type CheckedData, type Data, openEpoch, readData } from "./batches.js";
import { EarlyStopping, type EarlyStoppingOptions, type EarlyStoppingState } from "./early-stopping.js";
import { checkBatchSize, checkModel, evaluateChecked } from "./evaluate.js";
import { nextTurn, throwIfAborted } from "./event-loop.js";
import type { Batch, DataSet } from "./samples.js";
import {
  checkMetrics,
  judge,
  type LossFunction,
  type Metrics,
  type Model,
  Scores,
  type ScoresState,
} from "./scores.js";
import { type Copies, readTrainingState, writeTrainingState } from "./training-state.js";

const OPERATION = "fit";

/** What `onStep` gets, after each step of the optimizer. */
export interface StepEvent {
  /** The number of the epoch, from 0. */
  readonly epoch: number;
  /** How many there will be at most. */
  readonly epochs: number;
  /** How many batches of the epoch are done. */
  readonly batch: number;
  /** How many it has; undefined where the data don't tell. */
  readonly batches: number | undefined;
  /** How many steps are done, over all epochs. */
  readonly step: number;
  /** The mean loss of the step's samples. */
  readonly loss: number;
  /** The learning rate of the step, of the first group. */
  readonly lr: number;
  /** With `clipNorm`, the norm of the gradients before it. */
  readonly gradientNorm: number | undefined;
  /**
   * The training as it is when this is called, in one file, for the option `trainingState`. It may be called later too, when `fit` has
   * ended early: after a signal, or a step that failed, the training is as its last whole step left it.
   */
  readonly saveTrainingState: () => Uint8Array;
}

/** What `onEpoch` gets, after each epoch and its validation. */
export interface EpochEvent {
  /** The number of the epoch, from 0. */
  readonly epoch: number;
  /** How many there will be at most. */
  readonly epochs: number;
  /** The epoch's figures, by their names in the history. */
  readonly results: Readonly<Record<string, number>>;
  /** The training as it now is, in one file, for the option `trainingState`. */
  readonly saveTrainingState: () => Uint8Array;
}

/** Options of `fit`. */
export interface FitOptions {
  /** The mean loss of a batch, as `crossEntropy`. */
  loss: LossFunction;
  /** What changes the parameters. Its state goes on from where it is. */
  optimizer: Optimizer;
  /** How often the data are gone through. Default: 1. */
  epochs?: number;
  /** Samples in a call of the model, where the data are no batches. Default: 32. */
  batchSize?: number;
  /**
   * Bring samples into a random order in each epoch, and sequences of similar lengths together. Batches stay as they come. Default:
   * true.
   */
  shuffle?: boolean;
  /** What the model is evaluated on after each epoch: data, or the fraction of the samples that is split off their end. Default: none. */
  validation?: Data | number;
  /** Functions that make metrics, by the names that the history has. Default: none. */
  metrics?: Metrics;
  /** Factors of the learning rate. Default: none. */
  schedule?: Schedule;
  /** What the norm of all gradients together is clipped to. Default: not clipped. */
  clipNorm?: number;
  /** Batches in a step of the optimizer, which gets the mean of their gradients. Default: 1. */
  accumulate?: number;
  /** Averages that are updated after each step, and with which the validation is done. Default: none. */
  ema?: ExponentialMovingAverage;
  /** End when a figure no longer becomes better. Default: don't. */
  earlyStopping?: EarlyStoppingOptions;
  /** What an event's `saveTrainingState` gave, of a training with the same options and data: goes on from there. Default: begins anew. */
  trainingState?: Uint8Array | ArrayBuffer;
  /** Ends the training between two steps: the promise is rejected with its reason. */
  signal?: AbortSignal;
  /** Called after each step; a promise that it returns is awaited. */
  onStep?: (event: StepEvent) => unknown;
  /** Called after each epoch; a promise that it returns is awaited. */
  onEpoch?: (event: EpochEvent) => unknown;
}

/** What a training has led to, as Keras's `History`. */
export interface FitResult {
  /** The numbers of the epochs, from 0. */
  epoch: number[];
  /** Of each epoch `loss` and the metrics, and, with `validation`, the same as `valLoss` and so on. */
  history: { loss: number[]; valLoss?: number[] } & Record<string, number[]>;
}

/** How far a training has come, as JSON can hold it. */
interface Progress {
  /** The epoch that is under way or comes next. */
  epoch: number;
  /** Its batches that are done. */
  batch: number;
  /** Steps that are done, over all epochs. */
  step: number;
  /** What the epoch is shuffled by; null where it isn't. */
  seed: number | null;
  readonly history: Record<string, number[]>;
}

/** What must be the same where a training goes on. */
type Settings = Readonly<Record<string, unknown>>;

/** What a training state of `fit` holds besides the parts. */
interface Saved extends Progress {
  readonly settings: Settings;
  readonly scores: ScoresState | null;
  readonly earlyStopping: EarlyStoppingState | null;
}

/** The options, checked and complete. */
interface Training {
  readonly model: Model;
  readonly loss: LossFunction;
  readonly optimizer: Optimizer;
  readonly data: CheckedData;
  readonly validation: CheckedData | undefined;
  readonly metrics: Metrics;
  readonly epochs: number;
  readonly batchSize: number;
  readonly shuffle: boolean;
  readonly accumulate: number;
  readonly schedule: Schedule | undefined;
  readonly clipNorm: number | undefined;
  readonly ema: ExponentialMovingAverage | undefined;
  readonly earlyStopping: EarlyStopping | undefined;
  readonly signal: AbortSignal | undefined;
  readonly settings: Settings;
}

const optionNames = [
  "loss",
  "optimizer",
  "epochs",
  "batchSize",
  "shuffle",
  "validation",
  "metrics",
  "schedule",
  "clipNorm",
  "accumulate",
  "ema",
  "earlyStopping",
  "trainingState",
  "signal",
  "onStep",
  "onEpoch",
] as const satisfies readonly (keyof FitOptions)[];

/** accuracy → valAccuracy */
const validationName = (name: string): string => `val${name.slice(0, 1).toUpperCase()}${name.slice(1)}`;

/** Checks all but the training state. */
function readTraining(model: Model, given: Partial<FitOptions>, data: Data): Training {
  const { loss, optimizer, schedule, clipNorm, ema, signal } = given;
  checkModel(OPERATION, model, loss as LossFunction);
  if (!(optimizer instanceof Optimizer)) throw typeError(OPERATION, "optimizer", "an optimizer", optimizer);
  requireInstance(OPERATION);
  const epochs = checkInteger(OPERATION, "epochs", given.epochs ?? 1, 1);
  const batchSize = checkBatchSize(OPERATION, given.batchSize);
  const shuffle = checkBoolean(OPERATION, "shuffle", given.shuffle ?? true);
  const accumulate = checkInteger(OPERATION, "accumulate", given.accumulate ?? 1, 1);
  const metrics = checkMetrics(OPERATION, given.metrics);
  for (const [argument, fn] of Object.entries({ schedule, onStep: given.onStep, onEpoch: given.onEpoch })) {
    if (fn !== undefined && typeof fn !== "function") throw typeError(OPERATION, argument, "a function", fn);
  }
  if (clipNorm !== undefined && !(clipNorm >= 0)) {
    throw rangeError(OPERATION, "clipNorm", "a number of at least 0", clipNorm);
  }
  if (ema !== undefined && !(ema instanceof ExponentialMovingAverage)) {
    throw typeError(OPERATION, "ema", "an ExponentialMovingAverage", ema);
  }
  const all = readData(OPERATION, "data", data);
  const { train, validation } = splitOff(all, given.validation);
  const names = ["loss", ...Object.keys(metrics)];
  const figures = validation === undefined ? names : [...names, ...names.map(validationName)];
  const earlyStopping =
    given.earlyStopping === undefined ? undefined : new EarlyStopping(OPERATION, given.earlyStopping, figures);
  return {
    ...{ model, loss: loss as LossFunction, optimizer, data: train, validation, metrics, epochs, batchSize, shuffle },
    ...{ accumulate, schedule, clipNorm, ema, earlyStopping, signal },
    settings: { batchSize, accumulate, shuffle, figures, samples: "count" in train ? train.count : null },
  };
}

/** The data to learn from, and those of the validation. */
function splitOff(
  data: CheckedData,
  validation: Data | number | undefined,
): { train: CheckedData; validation?: CheckedData } {
  if (validation === undefined) return { train: data };
  if (typeof validation !== "number") {
    return { train: data, validation: readData(OPERATION, "validation", validation) };
  }
  if (!("count" in data)) throw misuseError(OPERATION, "validation", "a fraction needs samples, not batches");
  const first = Math.floor(data.count * (1 - validation));
  if (!(validation > 0 && validation < 1) || first === 0 || first === data.count) {
    throw rangeError(
      OPERATION,
      "validation",
      `a fraction of ${data.count} samples that leaves some on both sides`,
      validation,
    );
  }
  const part = (start: number, end: number): DataSet => ({
    count: end - start,
    lengths: data.lengths?.slice(start, end),
    take: (samples) => data.take(samples.map((sample) => start + sample)),
  });
  return { train: part(0, first), validation: part(first, data.count) };
}

/** What a step has come to. */
interface StepResult {
  readonly loss: number;
  readonly gradientNorm: number | undefined;
}

const parametersOf = (optimizer: Optimizer): Tensor[] => optimizer.paramGroups.flatMap(({ parameters }) => parameters);

/** Drops what is left of a step. */
function dropGradients({ model, optimizer }: Training): void {
  model.zeroGrad();
  optimizer.zeroGrad();
}

/** One step of the optimizer from a few batches: all of it, or, when it throws, nothing. */
function trainStep(
  training: Training,
  progress: Progress,
  batches: readonly (() => Batch)[],
  scores: Scores,
): StepResult {
  const { model, loss, optimizer, schedule, clipNorm, ema } = training;
  const before = generatorPosition();
  let isCounted = false;
  const requireFinite = (what: string, value: number): void => {
    if (Number.isFinite(value)) return;
    const place = `step ${progress.step + 1} (epoch ${progress.epoch}, batch ${progress.batch})`;
    const state = "parameters, optimizer and generator are as before it";
    throw new AttentionError("ERR_NOT_FINITE", `${OPERATION}: ${place}: ${what} is ${value}; ${state}`);
  };
  try {
    return scope(() => {
      const share = filled(OPERATION, [], 1 / batches.length);
      let [sum, count] = [0, 0];
      for (const make of batches) {
        scope(() => {
          const batch = make();
          const judged = judge(OPERATION, model, batch, loss);
          requireFinite("the loss", judged.value);
          judged.loss.backward(share.reshape(judged.loss.shape));
          isCounted = true;
          scores.add(judged, batch);
          sum += judged.value * judged.count;
          count += judged.count;
        });
      }
      const gradientNorm = clipNorm === undefined ? undefined : clipGradNorm(parametersOf(optimizer), clipNorm);
      if (gradientNorm !== undefined) requireFinite("the norm of the gradients", gradientNorm);
      if (schedule !== undefined) optimizer.lrFactor = schedule(progress.step);
      optimizer.step();
      dropGradients(training);
      ema?.update();
      return { loss: sum / count, gradientNorm };
    });
  } catch (error) {
    setGeneratorPosition(before);
    if (isCounted) scores.spoil();
    if (!model.disposed) dropGradients(training);
    throw error;
  }
}

/** Takes up a training where a state has it. Throws an AttentionError for a state of other options, before anything changes. */
function resume(training: Training, bytes: Uint8Array | ArrayBuffer): Saved {
  const { settings, earlyStopping } = training;
  const { progress, copies } = readTrainingState(OPERATION, bytes, training, (rest) => {
    const saved = rest.progress as Partial<Saved> | null;
    const wrong = (text: string): AttentionError =>
      new AttentionError("ERR_TRAINING_STATE", `${OPERATION}: trainingState: ${text}`);
    if (typeof saved?.settings !== "object") throw wrong("was saved by a loop other than fit's");
    const differences = Object.keys(settings)
      .map((name) => [name, JSON.stringify(saved.settings?.[name]), JSON.stringify(settings[name])])
      .filter(([, then, now]) => then !== now)
      .map(([name, then, now]) => `${name} was ${then} and is ${now}`);
    if ((saved.earlyStopping === null) !== (earlyStopping === undefined)) differences.push("earlyStopping");
    if (differences.length > 0) throw wrong(`is of other options or data: ${differences.join("; ")}`);
  });
  const saved = progress as Saved;
  if (saved.earlyStopping !== null) earlyStopping?.load(saved.earlyStopping, copies);
  return saved;
}

/** A training from its beginning or from a state to its end. */
async function train(training: Training, given: Partial<FitOptions>): Promise<FitResult> {
  const { model, optimizer, epochs, batchSize, accumulate, earlyStopping, signal, ema } = training;
  const saved = given.trainingState === undefined ? undefined : resume(training, given.trainingState);
  const progress: Progress = { epoch: 0, batch: 0, step: 0, seed: null, history: {}, ...pick(saved) };
  let within = saved?.scores ?? null;
  /** Of the epoch under way, once it has had a step. */
  let counted: Scores | undefined;
  /** Where the generator stood before an epoch that has had no step yet. */
  let beforeEpoch: Position | undefined;
  const saveTrainingState = (): Uint8Array => {
    const { state, best }: { state: EarlyStoppingState | null; best: Copies } = earlyStopping?.save() ?? {
      state: null,
      best: new Map(),
    };
    const scores = counted?.save(OPERATION) ?? null;
    const seed = counted === undefined ? null : progress.seed;
    const whole: Saved = { ...progress, seed, settings: training.settings, scores, earlyStopping: state };
    return writeTrainingState(training, whole, beforeEpoch, best);
  };

  while (progress.epoch < epochs && earlyStopping?.isDue !== true) {
    const { epoch } = progress;
    const scores = new Scores(OPERATION, training.metrics);
    if (within === null) {
      beforeEpoch = generatorPosition();
      if (training.shuffle) progress.seed = drawSeed(OPERATION);
    } else {
      scores.load(within);
      counted = scores;
      within = null;
    }
    const order = { batchSize, seed: progress.seed ?? undefined };
    const { count, batches } = await openEpoch(OPERATION, "data", training.data, epoch, progress.batch, order);
    model.train();
    for await (const group of inGroups(batches, accumulate)) {
      throwIfAborted(signal);
      const { loss, gradientNorm } = trainStep(training, progress, group, scores);
      progress.batch += group.length;
      progress.step++;
      [counted, beforeEpoch] = [scores, undefined];
      const { batch, step } = progress;
      const lr = optimizer.lr * optimizer.lrFactor;
      await given.onStep?.({ epoch, epochs, batch, batches: count, step, loss, lr, gradientNorm, saveTrainingState });
      await nextTurn();
    }
    throwIfAborted(signal);
    if (progress.batch === 0) throw shapeError(OPERATION, "data", `at least one batch in epoch ${epoch}`, 0);

    const results = { ...scores.results(), ...(await validate(training)) };
    for (const [name, value] of Object.entries(results)) (progress.history[name] ??= []).push(value);
    earlyStopping?.watch(epoch, results, model);
    Object.assign(progress, { epoch: epoch + 1, batch: 0, seed: null } satisfies Partial<Progress>);
    counted = undefined;
    await given.onEpoch?.({ epoch, epochs, results, saveTrainingState });
  }
  earlyStopping?.restore(model);
  const history = progress.history as FitResult["history"];
  return { epoch: Array.from({ length: progress.epoch }, (_, number) => number), history };

  async function validate({ validation, loss, metrics }: Training): Promise<Record<string, number>> {
    if (validation === undefined) return {};
    ema?.swap();
    try {
      const options = { loss, metrics, batchSize, signal };
      const results = await evaluateChecked(OPERATION, model, "validation", validation, options);
      return Object.fromEntries(Object.entries(results).map(([name, value]) => [validationName(name), value]));
    } finally {
      ema?.swap();
    }
  }
}

/** Of a saved training what goes on. */
const pick = (saved: Saved | undefined): Partial<Progress> => {
  if (saved === undefined) return {};
  const { epoch, batch, step, seed, history } = saved;
  return { epoch, batch, step, seed, history };
};

/** So many at a time; the last ones may be fewer. */
async function* inGroups<T>(items: AsyncIterable<T>, size: number): AsyncGenerator<T[]> {
  let group: T[] = [];
  for await (const item of items) {
    group.push(item);
    if (group.length < size) continue;
    yield group;
    group = [];
  }
  if (group.length > 0) yield group;
}

/**
 * Trains a model: for each epoch goes through the data by batches; for each batch calls `model.forward(inputs, { mask })`, takes the loss,
 * adds the gradients and lets the optimizer step. As Keras's `model.fit`. Between steps the event loop has its turn, so that a page
 * stays alive and `signal` is heard.
 *
 * The same start, data and options give the same bits on every host of the same arithmetic, and a training that was stopped and goes on
 * from a training state the same as one that was not. A step happens wholly or, when something throws, not at all; what it needed is freed. The
 * gradients that parameters have at the beginning are dropped.
 *
 * @example
 * ```js
 * import { init, Linear, manualSeed } from "wasm-attention";
 * import { accuracy, crossEntropy, fit, SGD } from "wasm-attention/train";
 *
 * await init();
 * manualSeed(1);
 * const model = new Linear(2, 2);
 * const samples = { inputs: [[0.1, 0], [0.9, 0.2], [0.8, 0.1], [0.2, 0.3]], targets: [0, 1, 1, 0] };
 * const optimizer = new SGD(model.parameters(), { lr: 1 });
 * const { history } = await fit(model, samples, { loss: crossEntropy, optimizer, epochs: 30, batchSize: 2, metrics: { accuracy } });
 * console.log(history.accuracy[29]); // 1
 * ```
 *
 * @param model A module whose `forward` takes a batch's inputs, and `{ mask }` beside them.
 * @param data Samples, batches, or a function that gives either for an epoch.
 * @param options The loss, the optimizer, and all else.
 * @returns A promise of the history: its `loss` is the mean over an epoch while the weights move, `valLoss` that of the validation after it.
 * @throws {TypeError} for wrong kinds and unknown options.
 * @throws {RangeError} for wrong values, samples that don't fit together or none at all, and for lack of memory.
 * @throws {AttentionError} (ERR_NOT_FINITE) for a loss, or with `clipNorm` a norm, that isn't finite: it names the step; parameters,
 *   optimizer and generator are as before that. (ERR_TRAINING_STATE, ERR_SAFETENSORS) for a training state that is broken or another's, before
 *   anything changes.
 * @throws Whatever the model, the loss, a metric, a callback or the data throw, and the signal's reason.
 */
export async function fit(model: Model, data: Data, options: FitOptions): Promise<FitResult> {
  const given = checkOptions<FitOptions>(OPERATION, options, optionNames);
  const training = readTraining(model, given, data);
  throwIfAborted(given.signal);
  const wasTraining = model.training;
  dropGradients(training);
  try {
    return await train(training, given);
  } finally {
    if (!model.disposed) model.train(wasTraining);
  }
}
