/** Training states: a training that goes on from one has the bits of one that was not interrupted; what is refused changes nothing. */
import { describe, expect, it } from "vitest";
import {
  AttentionError,
  init,
  Linear,
  loadSafetensors,
  manualSeed,
  memoryUsage,
  type Module,
  rand,
  saveSafetensors,
  scope,
  type Tensor,
} from "../../../ts/entry/default.js";
import {
  Adam,
  AdamW,
  cosineSchedule,
  crossEntropy,
  ExponentialMovingAverage,
  fit,
  type FitOptions,
  type FitResult,
  loadTrainingState,
  type Metric,
  type Optimizer,
  saveTrainingState,
  SGD,
} from "../../../ts/entry/train.js";
import { forEachArithmetic } from "../../support/arithmetics.js";
import { expectNoMore } from "../../support/without-leak.js";
import { expectRejects, expectThrows } from "../../support/expect-error.js";
import { without } from "../../support/without.js";
import { Classifier, sequences } from "./models.js";

/** How many targets there were, which shows whether a metric goes on where it was. */
class Count implements Metric {
  state = 0;
  update = (_: unknown, targets: Tensor): void => void (this.state += targets.shape[0]);
  compute = (): number => this.state;
}

interface Setting {
  readonly model: Classifier;
  readonly optimizer: Optimizer;
  readonly ema: ExponentialMovingAverage;
  readonly options: FitOptions;
}

/** All that a training state has to hold: dropout, moments, averages, the best weights, an order for each epoch. */
function setting(seed: number): Setting {
  manualSeed(seed);
  const model = new Classifier();
  const optimizer = new AdamW(model.parameters(), { lr: 0.02, amsgrad: true });
  const ema = new ExponentialMovingAverage(model.parameters(), { decay: 0.8 });
  const options: FitOptions = {
    ...{ loss: crossEntropy, optimizer, ema, epochs: 4, batchSize: 4, accumulate: 2, clipNorm: 1, validation: 0.2 },
    schedule: cosineSchedule({ totalSteps: 20, warmupSteps: 3 }),
    metrics: { count: () => new Count() },
    earlyStopping: { patience: 3, restoreBestWeights: true },
  };
  return { model, optimizer, ema, options };
}

function dispose({ model, optimizer, ema }: Setting): void {
  for (const thing of [model, optimizer, ema]) thing.dispose();
}

/** Every bit that a training leaves. */
const bitsOf = ({ model, optimizer, ema }: Setting): number[][] =>
  [
    ...Object.values(model.stateDict()),
    ...Object.values(optimizer.stateDict().state).flatMap((own) => Object.values(own)),
    ...ema.averages,
    // Where the generator stands.
    rand([4]),
  ].map((value) => (typeof value === "number" ? [value] : Array.from(new Uint8Array(value.toArray().slice().buffer))));

forEachArithmetic(() => {
  describe("going on from a training state", () => {
    it("equals not stopping, whichever of the steps it was saved after", async () => {
      const data = sequences(50);
      const whole = setting(11);
      const files: Uint8Array[] = [];
      const expected = await fit(whole.model, data, {
        ...whole.options,
        onStep: ({ saveTrainingState: save }) => void files.push(save()),
        onEpoch: ({ saveTrainingState: save }) => void files.push(save()),
      });
      const bits = scope(() => bitsOf(whole));
      // 40 samples: 10 batches, 5 steps in each of 4 epochs.
      expect(files.length).toBe(24);
      for (const file of files) {
        // Other weights, another generator: all is to come from the file.
        const again = setting(77);
        expect(await fit(again.model, data, { ...again.options, trainingState: file })).toEqual(expected);
        expect(scope(() => bitsOf(again))).toEqual(bits);
        dispose(again);
      }
      dispose(whole);
    });

    it("equals not stopping for streams of batches, of which it leaves out those that are done", async () => {
      const { inputs, targets } = sequences(20);
      const stream = async function* () {
        for (let n = 0; n < 20; n += 4) {
          await Promise.resolve();
          yield { inputs: inputs.slice(n, n + 4), targets: targets.slice(n, n + 4) };
        }
      };
      const train = async (
        file?: Uint8Array,
      ): Promise<{ files: Uint8Array[]; result: FitResult; bits: number[][] }> => {
        const own = setting(file === undefined ? 5 : 6);
        const files: Uint8Array[] = [];
        const options = without(own.options, "validation", "earlyStopping");
        const result = await fit(own.model, () => stream(), {
          ...{ ...options, epochs: 2, trainingState: file },
          onStep: ({ saveTrainingState: save }) => void files.push(save()),
        });
        const bits = scope(() => bitsOf(own));
        dispose(own);
        return { files, result, bits };
      };
      const { files, ...whole } = await train();
      expect(files.length).toBe(6);
      for (const file of files) expect(await train(file)).toMatchObject(whole);
    });

    it("equals not stopping when the state is saved after a signal has ended it, or a step has failed", async () => {
      const data = sequences(50);
      const whole = setting(12);
      const expected = await fit(whole.model, data, whole.options);
      const bits = scope(() => bitsOf(whole));
      dispose(whole);
      const stop = new AbortController();
      let calls = 0;
      const between = new AbortController();
      const failing: Partial<FitOptions>[] = [
        // Between two epochs: the next one has begun, and has had no step.
        { signal: between.signal, onEpoch: ({ epoch }) => void (epoch === 1 && between.abort()) },
        { onStep: ({ step }) => (step === 10 ? Promise.reject(new Error("trouble")) : undefined) },
        { signal: stop.signal, onStep: ({ step }) => void (step === 7 && setTimeout(() => stop.abort(), 0)) },
        { loss: (outputs: Tensor, targets: Tensor) => crossEntropy(outputs, ++calls === 9 ? [-1] : targets) },
      ];
      for (const trouble of failing) {
        const own = setting(12);
        let save: (() => Uint8Array) | undefined;
        const options: FitOptions = { ...own.options, ...trouble };
        const outcome = fit(own.model, data, {
          ...options,
          onStep: async (event) => {
            save = event.saveTrainingState;
            await trouble.onStep?.(event);
            await new Promise((resolve) => setTimeout(resolve, 1));
          },
        });
        await expect(outcome).rejects.toThrow();
        const file = save?.();
        dispose(own);
        const again = setting(78);
        expect(await fit(again.model, data, { ...again.options, trainingState: file })).toEqual(expected);
        expect(scope(() => bitsOf(again))).toEqual(bits);
        dispose(again);
      }
    });

    it("has no state after a step that failed when it had been counted in part", async () => {
      const own = setting(12);
      let calls = 0;
      let save: (() => Uint8Array) | undefined;
      // The second of the two batches of a step.
      const loss = (outputs: Tensor, targets: Tensor): Tensor => crossEntropy(outputs, ++calls === 6 ? [-1] : targets);
      const options = { ...own.options, loss };
      const onStep: FitOptions["onStep"] = (event) => void (save = event.saveTrainingState);
      await expect(fit(own.model, sequences(50), { ...options, onStep })).rejects.toThrow(/^crossEntropy: targets/);
      expectThrows(
        () => save?.(),
        TypeError,
        "ERR_INVALID_TYPE",
        /^fit: saveTrainingState: a step failed after it was/,
      );
      dispose(own);
    });

    it("trains on for more epochs", async () => {
      const data = sequences(20);
      const train = async (epochs: number, trainingState?: Uint8Array) => {
        const own = setting(9);
        let file: Uint8Array | undefined;
        const options = without(own.options, "earlyStopping");
        await fit(own.model, data, {
          ...{ ...options, epochs, trainingState },
          onEpoch: ({ saveTrainingState: save }) => void (file = save()),
        });
        const bits = scope(() => bitsOf(own));
        dispose(own);
        return { file, bits };
      };
      expect((await train(3, (await train(2)).file)).bits).toEqual((await train(3)).bits);
    });
  });
});

describe("a training state", () => {
  /** Small parts. */
  function parts(hasEma = false): { model: Linear; optimizer: SGD; ema?: ExponentialMovingAverage } {
    const model = new Linear(2, 1);
    const optimizer = new SGD(model.parameters(), { lr: 0.1, momentum: 0.9 });
    return { model, optimizer, ...(hasEma && { ema: new ExponentialMovingAverage(model.parameters()) }) };
  }

  it("holds any progress, NaN and infinities too", async () => {
    await init();
    const own = parts();
    const progress = { epoch: 3, losses: [0.1, NaN, Infinity, -Infinity, 1e-300], text: "NaN" };
    expect(loadTrainingState(saveTrainingState(own, progress), own)).toEqual(progress);
    expect(loadTrainingState(saveTrainingState(own), own)).toBe(null);
  });

  it("is a safetensors file, whose tensors have the names of the state dicts", async () => {
    await init();
    const own = parts(true);
    own.model.forward({ data: [1, 2], shape: [2] }).backward();
    own.optimizer.step();
    const { tensors } = scope(() => loadSafetensors(saveTrainingState(own)));
    expect([...tensors.keys()].sort()).toEqual([
      ...["ema.0", "ema.1", "model.bias", "model.weight", "optimizer.0.momentum_buffer", "optimizer.1.momentum_buffer"],
    ]);
  });

  const progressOf = (own: { model: Module; optimizer: Optimizer }): unknown => [
    Object.values(own.model.stateDict()).map((tensor) => tensor.toNested()),
    Object.values(own.optimizer.stateDict().state).map((state) => Object.values(state).length),
  ];

  const foreign: Record<string, [() => Uint8Array, typeof RangeError | typeof AttentionError, string, RegExp]> = {
    "no safetensors file": [() => new Uint8Array(20), AttentionError, "ERR_SAFETENSORS", /./],
    "a model": [
      () => saveSafetensors(new Linear(2, 1).stateDict()),
      AttentionError,
      "ERR_TRAINING_STATE",
      /expected a training state, got another safetensors file/,
    ],
    "of another model": [
      () => {
        const model = new Linear(3, 1);
        return saveTrainingState({ model, optimizer: new SGD(model.parameters(), { momentum: 0.9 }) });
      },
      RangeError,
      "ERR_SHAPE",
      /dict: model\.weight: expected shape \[1, 2\], got \[1, 3\]/,
    ],
    "of another optimizer": [
      () => {
        const { model } = parts();
        return saveTrainingState({ model, optimizer: new Adam(model.parameters()) });
      },
      AttentionError,
      "ERR_TRAINING_STATE",
      /optimizer: expected SGD, got the state of Adam/,
    ],
    "with averages": [
      () => saveTrainingState(parts(true)),
      AttentionError,
      "ERR_TRAINING_STATE",
      /ema: expected averages of 0 parameters, got 2/,
    ],
    "of other groups": [
      () => {
        const { model } = parts();
        const groups = model.parameters().map((parameter) => ({ parameters: [parameter] }));
        return saveTrainingState({ model, optimizer: new SGD(groups) });
      },
      RangeError,
      "ERR_SHAPE",
      /dict\.param_groups: expected 1 groups, got 2/,
    ],
    "of a later version": [
      () => altered((metadata) => ({ ...metadata, version: "2" })),
      AttentionError,
      "ERR_TRAINING_STATE",
      /expected version 1 of the format, got 2/,
    ],
    "with a broken description": [
      () => altered((metadata) => ({ ...metadata, state: metadata.state.slice(0, 50) })),
      AttentionError,
      "ERR_TRAINING_STATE",
      /the description of the training state is broken/,
    ],
    "with half a description": [
      () => altered((metadata) => ({ ...metadata, state: "{}" })),
      AttentionError,
      "ERR_TRAINING_STATE",
      /the description of the training state is/,
    ],
    "cut off": [() => saveTrainingState(parts()).slice(0, -4), AttentionError, "ERR_SAFETENSORS", /cut off/],
  };

  function altered(change: (metadata: Record<string, string>) => Record<string, string>): Uint8Array {
    return scope(() => {
      const { tensors, metadata } = loadSafetensors(saveTrainingState(parts()));
      return saveSafetensors(tensors, change(metadata));
    });
  }

  for (const [name, [file, kind, code, message]] of Object.entries(foreign)) {
    it(`is refused before anything changes: ${name}`, async () => {
      await init();
      const own = parts();
      const before = progressOf(own);
      const bytes = file();
      const used = memoryUsage().bytesInUse;
      expectThrows(() => loadTrainingState(bytes, own), kind, code as "ERR_SHAPE", message);
      const options = { optimizer: own.optimizer, loss: crossEntropy, trainingState: bytes };
      await expect(fit(own.model, { inputs: [[1.5, 2]], targets: [0] }, options)).rejects.toThrow(
        /^(fit|loadSafetensors)/,
      );
      expectNoMore(used);
      expect(progressOf(own)).toEqual(before);
    });
  }

  it("is refused by fit: of a loop by hand, of other options", async () => {
    await init();
    const own = parts();
    const data = { inputs: [[1.5, 2]], targets: [0] };
    const byHand = saveTrainingState(own, { epoch: 3 });
    const refusal = async (trainingState: Uint8Array, message: RegExp, options: Partial<FitOptions> = {}) =>
      expectRejects(
        fit(own.model, data, { optimizer: own.optimizer, loss: crossEntropy, trainingState, ...options }),
        AttentionError,
        "ERR_TRAINING_STATE",
        message,
      );
    await refusal(byHand, /trainingState: was saved by a loop other than fit's/);
    let file = byHand;
    await fit(own.model, data, {
      optimizer: own.optimizer,
      loss: crossEntropy,
      onStep: (event) => void (file = event.saveTrainingState()),
    });
    await refusal(file, /is of other options or data: batchSize was 32 and is 3; accumulate was 1 and is 2/, {
      ...{ batchSize: 3, accumulate: 2 },
    });
    await refusal(file, /earlyStopping/, { earlyStopping: { monitor: "loss" } });
  });

  it("within an epoch needs the metrics' states", async () => {
    await init();
    const own = parts();
    const data = { inputs: [[1.5, 2]], targets: [0] };
    const metrics = { own: () => ({ update: () => {}, compute: () => 1 }) };
    const options = { optimizer: own.optimizer, loss: crossEntropy, metrics };
    await expectRejects(
      fit(own.model, data, { ...options, onStep: (event) => void event.saveTrainingState() }),
      TypeError,
      "ERR_INVALID_TYPE",
      /^fit: metrics\.own: has no state, which is needed within an epoch/,
    );
    await fit(own.model, data, { ...options, onEpoch: (event) => void event.saveTrainingState() });
  });

  it("is of a model and an optimizer", async () => {
    await init();
    const own = parts();
    const wrong = (given: object, message: RegExp): unknown =>
      expectThrows(() => saveTrainingState({ ...own, ...given }), TypeError, "ERR_INVALID_TYPE", message);
    wrong({ model: {} }, /^saveTrainingState: model: expected a Module/);
    wrong({ optimizer: {} }, /^saveTrainingState: optimizer: expected an optimizer/);
    wrong({ ema: {} }, /^saveTrainingState: ema: expected an ExponentialMovingAverage/);
  });
});
