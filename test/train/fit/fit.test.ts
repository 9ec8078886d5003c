/** fit and evaluate: against loops by hand, bit for bit; their figures; what they leave behind; what stops them. */
import { describe, expect, it } from "vitest";
import {
  AttentionError,
  init,
  Linear,
  manualSeed,
  memoryUsage,
  type Module,
  scope,
  Tensor,
} from "../../../ts/entry/default.js";
import {
  AdamW,
  clipGradNorm,
  crossEntropy,
  evaluate,
  ExponentialMovingAverage,
  fit,
  type FitOptions,
  type Metric,
  mseLoss,
  type Samples,
  SGD,
  type StepEvent,
  cosineSchedule,
} from "../../../ts/entry/train.js";
import { forEachArithmetic } from "../../support/arithmetics.js";
import { expectNoMore } from "../../support/without-leak.js";
import { expectRejects } from "../../support/expect-error.js";
import { without } from "../../support/without.js";
import { Listener, listeningLoss } from "./listener.js";
import { Classifier, sequences } from "./models.js";

const weights = (model: Module): number[][] => model.parameters().map((parameter) => Array.from(parameter.toArray()));

/** Batches of equal lengths, so that a loop by hand needs no padding. */
const batches = Array.from({ length: 5 }, (_, n) => ({
  inputs: Array.from({ length: 4 }, (_, row) => Array.from({ length: 3 }, (_, at) => (n * 5 + row * 3 + at * 7) % 12)),
  targets: Array.from({ length: 4 }, (_, row) => (n + row) % 3),
}));

forEachArithmetic(() => {
  describe("fit", () => {
    it("gives the bits of a loop by hand: dropout, schedule, clipping, accumulation, averages", async () => {
      const schedule = cosineSchedule({ totalSteps: 9, warmupSteps: 2 });
      manualSeed(3);
      const byHand = new Classifier();
      const optimizer = new AdamW(byHand.parameters(), { lr: 0.05 });
      const ema = new ExponentialMovingAverage(byHand.parameters(), { decay: 0.9 });
      const losses: number[] = [];
      let step = 0;
      for (let epoch = 0; epoch < 3; epoch++) {
        for (const group of [batches.slice(0, 2), batches.slice(2, 4), batches.slice(4)]) {
          scope(() => {
            for (const { inputs, targets } of group) {
              const ids = { data: Int32Array.from(inputs.flat()), shape: [4, 3] };
              const mask = new Array<number[]>(4).fill([1, 1, 1]);
              const loss = crossEntropy(
                byHand.forward(ids as unknown as Tensor, { mask: mask as unknown as Tensor }),
                targets,
              );
              losses.push(loss.item());
              // The mean over the group.
              loss.backward(Tensor.from(Float32Array.of(1 / group.length), []));
            }
            clipGradNorm(byHand.parameters(), 0.5);
            optimizer.lrFactor = schedule(step++);
            optimizer.step();
            optimizer.zeroGrad();
            ema.update();
          });
        }
      }

      manualSeed(3);
      const model = new Classifier();
      const own = new AdamW(model.parameters(), { lr: 0.05 });
      const averages = new ExponentialMovingAverage(model.parameters(), { decay: 0.9 });
      const { history, epoch } = await fit(model, batches, {
        ...{
          loss: crossEntropy,
          optimizer: own,
          epochs: 3,
          shuffle: false,
          accumulate: 2,
          clipNorm: 0.5,
          schedule,
          ema: averages,
        },
      });
      expect(weights(model)).toEqual(weights(byHand));
      expect(averages.averages.map((average) => average.toNested())).toEqual(
        ema.averages.map((average) => average.toNested()),
      );
      expect(epoch).toEqual([0, 1, 2]);
      const means = [0, 1, 2].map((n) => losses.slice(n * 5, n * 5 + 5).reduce((sum, loss) => sum + loss * 4, 0) / 20);
      expect(history).toEqual({ loss: means });
      for (const thing of [byHand, model, optimizer, own, ema, averages]) thing.dispose();
    });

    it("learns, and evaluates what it has learned", async () => {
      manualSeed(1);
      const model = new Linear(2, 2);
      const samples = {
        inputs: [
          [0.1, 0],
          [0.9, 0.2],
          [0.8, 0.1],
          [0.2, 0.3],
        ],
        targets: [0, 1, 1, 0],
      };
      const optimizer = new SGD(model.parameters(), { lr: 1 });
      const { history } = await fit(model, samples, { loss: crossEntropy, optimizer, epochs: 80, validation: samples });
      expect(history.loss[79]).toBeLessThan(0.1);
      const result = await evaluate(model, samples, { loss: crossEntropy });
      expect(result.loss).toBe(history.valLoss?.[79]);
      model.dispose();
      optimizer.dispose();
    });

    it("weighs batches by their samples, or by what the loss counts", async () => {
      const model = new Listener();
      const optimizer = new SGD(model.parameters(), { lr: 0 });
      const values = [1, 2, 3, 4, 5];
      const loss = (_: Tensor, targets: Tensor): Tensor =>
        mseLoss(targets, { data: [0, 0].slice(0, targets.shape[0]), shape: targets.shape });
      const data = { inputs: values, targets: values.map((value) => value + 0.5) };
      const { loss: mean } = await evaluate(model, data, { loss, batchSize: 2 });
      const squares = values.map((value) => (value + 0.5) ** 2);
      expect(mean).toBe(squares.reduce((a, b) => a + b) / 5);
      const counted = await evaluate(model, data, {
        loss: (outputs, targets: Tensor) => ({
          loss: loss(outputs as Tensor, targets),
          count: targets.shape[0] === 1 ? 0 : 1,
        }),
        batchSize: 2,
      });
      expect(counted.loss).toBe(((squares[0] + squares[1]) / 2 + (squares[2] + squares[3]) / 2) / 2);
      model.dispose();
      optimizer.dispose();
    });

    it("tells its steps and epochs, and is in the mode of before afterwards", async () => {
      const model = new Listener().eval();
      const optimizer = new SGD(model.parameters(), { lr: 0.5 });
      const steps: Omit<StepEvent, "saveTrainingState">[] = [];
      const epochs: unknown[] = [];
      await fit(
        model,
        { inputs: [1, 2, 3], targets: [0, 0, 0] },
        {
          ...{
            loss: listeningLoss(),
            optimizer,
            epochs: 2,
            batchSize: 2,
            clipNorm: 10,
            validation: [{ inputs: [9], targets: [9] }],
          },
          schedule: (step) => 1 / (step + 1),
          onStep: (event) => void steps.push(without(event, "saveTrainingState")),
          onEpoch: async (event) => {
            await Promise.resolve();
            epochs.push(without(event, "saveTrainingState"));
          },
        },
      );
      expect(steps.map((event) => without(event, "loss", "gradientNorm"))).toEqual([
        { epoch: 0, epochs: 2, batch: 1, batches: 2, step: 1, lr: 0.5 },
        { epoch: 0, epochs: 2, batch: 2, batches: 2, step: 2, lr: 0.25 },
        { epoch: 1, epochs: 2, batch: 1, batches: 2, step: 3, lr: 0.5 / 3 },
        { epoch: 1, epochs: 2, batch: 2, batches: 2, step: 4, lr: 0.125 },
      ]);
      // weight² at 1: loss 1, slope 2; then at 1 − 0.5 · 2 = 0.
      expect(steps[0]).toMatchObject({ loss: 1, gradientNorm: 2 });
      expect(steps[1]).toMatchObject({ loss: 0, gradientNorm: 0 });
      expect(epochs).toEqual([
        { epoch: 0, epochs: 2, results: { loss: 2 / 3, valLoss: 0 } },
        { epoch: 1, epochs: 2, results: { loss: 0, valLoss: 0 } },
      ]);
      expect(model.calls.map(({ training }) => training)).toEqual([true, true, false, true, true, false]);
      expect(model.training).toBe(false);
      model.dispose();
      optimizer.dispose();
    });

    it("validates with the averages, and goes on with the parameters", async () => {
      const model = new Listener();
      const optimizer = new SGD(model.parameters(), { lr: 0.25 });
      const ema = new ExponentialMovingAverage(model.parameters(), { decay: 0.5 });
      const data = { inputs: [1], targets: [0] };
      const { history } = await fit(model, data, { loss: listeningLoss(), optimizer, ema, validation: data });
      // 1 − 0.25 · 2 = 0.5, whose average with 1 is 0.75.
      expect(history).toEqual({ loss: [1], valLoss: [0.5625] });
      expect(weights(model)).toEqual([[0.5]]);
      for (const thing of [model, optimizer, ema]) thing.dispose();
    });

    it("has metrics of the caller's own, one for each epoch and each validation", async () => {
      const seen: string[] = [];
      const largest = (): Metric => {
        let most = -Infinity;
        return {
          update: (outputs: Tensor, targets: Tensor, mask: unknown) => {
            seen.push(`${outputs.shape.join()} ${targets.toNested().join()} ${String(mask)} ${outputs.requiresGrad}`);
            most = Math.max(most, ...targets.toArray());
          },
          compute: () => most,
        };
      };
      const model = new Listener();
      const optimizer = new SGD(model.parameters(), { lr: 0 });
      const { history } = await fit(
        model,
        { inputs: [1, 2, 3], targets: [4, 6, 5] },
        {
          ...{ loss: listeningLoss(), optimizer, epochs: 2, batchSize: 2, shuffle: false, metrics: { largest } },
          validation: { inputs: [1], targets: [2] },
        },
      );
      expect(history).toMatchObject({ largest: [6, 6], valLargest: [2, 2] });
      expect(seen.slice(0, 3)).toEqual(["1 4,6 undefined true", "1 5 undefined true", "1 2 undefined false"]);
      model.dispose();
      optimizer.dispose();
    });

    it("lets the event loop have a turn between steps", async () => {
      const model = new Listener();
      const optimizer = new SGD(model.parameters());
      const turns: number[] = [];
      let steps = 0;
      const timer = setInterval(() => turns.push(steps), 0);
      await fit(
        model,
        { inputs: new Array(400).fill(0), targets: new Array(400).fill(0) },
        {
          ...{ loss: listeningLoss(), optimizer, batchSize: 1 },
          onStep: async ({ step }) => {
            steps = step;
            // Time for a timer to be due.
            if (step % 100 === 0) await new Promise((resolve) => setTimeout(resolve, 2));
          },
        },
      );
      clearInterval(timer);
      expect(turns.some((step) => step > 0 && step < 400)).toBe(true);
      model.dispose();
      optimizer.dispose();
    });
  });

  describe("what fit leaves behind", () => {
    const setting = (): { model: Classifier; optimizer: AdamW; data: Samples } => {
      manualSeed(2);
      const model = new Classifier();
      return { model, optimizer: new AdamW(model.parameters(), { lr: 0.01 }), data: sequences(40) };
    };

    it("is the same after 1,000 steps as after the first", async () => {
      const { model, optimizer, data } = setting();
      const bytes: number[] = [];
      await fit(model, data, {
        ...{ loss: crossEntropy, optimizer, epochs: 125, batchSize: 5, validation: 0.1, clipNorm: 1 },
        onStep: () => void bytes.push(memoryUsage().bytesInUse),
      });
      expect(bytes.length).toBe(1000);
      expect(Math.max(...bytes)).toBe(bytes[0]);
      expectNoMore(bytes[0]);
      model.dispose();
      optimizer.dispose();
    });

    const troubles: Record<string, (step: number) => Partial<FitOptions>> = {
      "an aborted signal": (at) => {
        const controller = new AbortController();
        return {
          signal: controller.signal,
          onStep: ({ step }) => {
            if (step === at) controller.abort(new Error("trouble"));
          },
        };
      },
      "a callback that throws": (at) => ({
        onStep: ({ step }) => {
          if (step === at) throw new Error("trouble");
        },
      }),
      "a callback whose promise is rejected": (at) => ({
        onStep: ({ step }) => (step === at ? Promise.reject(new Error("trouble")) : undefined),
      }),
      "a metric that throws": (at) => {
        let updates = 0;
        return {
          metrics: {
            own: () => ({
              update: () => {
                if (++updates > at) throw new Error("trouble");
              },
              compute: () => 0,
            }),
          },
        };
      },
      "a loss that throws": (at) => {
        let calls = 0;
        return {
          loss: (outputs: Tensor, targets: Tensor) => {
            if (++calls > at) throw new Error("trouble");
            return crossEntropy(outputs, targets);
          },
        };
      },
    };
    for (const [name, trouble] of Object.entries(troubles)) {
      it(`is nothing but whole steps, with ${name}`, async () => {
        const whole = setting();
        const kept: number[][][] = [];
        await fit(whole.model, whole.data, {
          ...{ loss: crossEntropy, optimizer: whole.optimizer, batchSize: 8 },
          onStep: () => void kept.push(weights(whole.model)),
        });
        const { model, optimizer, data } = setting();
        // The optimizer's state and the packed weights.
        await fit(model, data, { loss: crossEntropy, optimizer, batchSize: 40 });
        const before = memoryUsage().bytesInUse;
        manualSeed(2);
        const fresh = setting();
        const outcome = fit(fresh.model, fresh.data, {
          loss: crossEntropy,
          optimizer: fresh.optimizer,
          batchSize: 8,
          ...trouble(3),
        });
        await expect(outcome).rejects.toThrow("trouble");
        expect(weights(fresh.model)).toEqual(kept[2]);
        expect(fresh.model.parameters().every(({ grad }) => grad === null)).toBe(true);
        fresh.model.dispose();
        fresh.optimizer.dispose();
        expectNoMore(before);
        for (const thing of [model, optimizer, whole.model, whole.optimizer]) thing.dispose();
      });
    }

    it("after a loss of NaN names the step, and goes on from before it", async () => {
      const { model, optimizer, data } = setting();
      let calls = 0;
      const loss = (outputs: Tensor, targets: Tensor): Tensor => {
        calls++;
        return calls === 3
          ? crossEntropy(outputs, targets, { weight: [NaN, NaN, NaN].map(() => Infinity) })
          : crossEntropy(outputs, targets);
      };
      const twice = setting();
      const expected: number[][][] = [];
      await fit(twice.model, twice.data, {
        ...{ loss: crossEntropy, optimizer: twice.optimizer, batchSize: 8 },
        onStep: () => void expected.push(weights(twice.model)),
      });
      manualSeed(2);
      const again = setting();
      await expectRejects(
        fit(again.model, again.data, { loss, optimizer: again.optimizer, batchSize: 8 }),
        AttentionError,
        "ERR_NOT_FINITE",
        /^fit: step 3 \(epoch 0, batch 2\): the loss is (NaN|Infinity); parameters, optimizer and generator are as before it$/,
      );
      expect(weights(again.model)).toEqual(expected[1]);
      await fit(model, data, { loss: crossEntropy, optimizer });
      for (const thing of [model, optimizer, twice.model, twice.optimizer, again.model, again.optimizer])
        thing.dispose();
    });
  });
});

describe("bad input", () => {
  const samples = { inputs: [1, 2], targets: [1, 2] };
  const cases: [string, Record<string, unknown>, typeof TypeError | typeof RangeError, string, RegExp][] = [
    ["no loss", { loss: undefined }, TypeError, "ERR_INVALID_TYPE", /^fit: loss: expected a function of outputs and/],
    ["no optimizer", { optimizer: {} }, TypeError, "ERR_INVALID_TYPE", /^fit: optimizer: expected an optimizer/],
    [
      "a misspelt option",
      { epoch: 2 },
      TypeError,
      "ERR_INVALID_TYPE",
      /^fit: options: unknown option "epoch"; did you mean epochs/,
    ],
    ["no epochs", { epochs: 0 }, RangeError, "ERR_INVALID_VALUE", /^fit: epochs: expected .* at least 1, got 0/],
    ["a batch size of 0", { batchSize: 0 }, RangeError, "ERR_INVALID_VALUE", /^fit: batchSize: expected .*, got 0/],
    ["half a batch", { accumulate: 1.5 }, RangeError, "ERR_INVALID_VALUE", /^fit: accumulate: expected/],
    ["shuffle of 1", { shuffle: 1 }, TypeError, "ERR_INVALID_TYPE", /^fit: shuffle: expected a boolean/],
    ["a schedule that is none", { schedule: 3 }, TypeError, "ERR_INVALID_TYPE", /^fit: schedule: expected a function/],
    ["clipNorm of NaN", { clipNorm: NaN }, RangeError, "ERR_INVALID_VALUE", /^fit: clipNorm: expected a number/],
    ["averages of nothing", { ema: {} }, TypeError, "ERR_INVALID_TYPE", /^fit: ema: expected an Exponential/],
    [
      "metrics that are none",
      { metrics: { a: {} } },
      TypeError,
      "ERR_INVALID_TYPE",
      /^fit: metrics\.a: expected a function/,
    ],
    ["a metric called loss", { metrics: { loss: () => ({}) } }, TypeError, "ERR_INVALID_TYPE", /^fit: metrics\.loss:/],
    [
      "a metric without update",
      { metrics: { a: () => ({}) } },
      TypeError,
      "ERR_INVALID_TYPE",
      /makes \{ update, compute \}/,
    ],
    ["all for validation", { validation: 1 }, RangeError, "ERR_INVALID_VALUE", /^fit: validation: expected a fraction/],
    [
      "a figure that isn't there",
      { earlyStopping: {} },
      RangeError,
      "ERR_INVALID_VALUE",
      /^fit: earlyStopping\.monitor: expected one of loss, got "valLoss"/,
    ],
    ["a callback that is none", { onStep: 1 }, TypeError, "ERR_INVALID_TYPE", /^fit: onStep: expected a function/],
    [
      "a loss that is a number",
      { loss: () => 3 },
      TypeError,
      "ERR_INVALID_TYPE",
      /^fit: loss: expected a function that returns a Tensor/,
    ],
    [
      "a training state of nothing",
      { trainingState: 3 },
      TypeError,
      "ERR_INVALID_TYPE",
      /bytes: expected a Uint8Array/,
    ],
  ];
  for (const [name, options, kind, code, message] of cases) {
    it(`is refused: ${name}`, async () => {
      await init();
      const model = new Listener();
      const optimizer = new SGD(model.parameters());
      const before = memoryUsage().bytesInUse;
      const whole = { loss: listeningLoss(), optimizer, ...options } as unknown as FitOptions;
      await expectRejects(fit(model, samples, whole), kind, code as "ERR_SHAPE", message);
      expectNoMore(before);
      await fit(model, samples, { loss: listeningLoss(), optimizer });
      model.dispose();
    });
  }

  it("is refused: a signal that was aborted before the start, no model, a loss of several elements", async () => {
    await init();
    const model = new Listener();
    const optimizer = new SGD(model.parameters());
    const options = { loss: listeningLoss(), optimizer };
    const reason = new Error("no");
    await expect(fit(model, samples, { ...options, signal: AbortSignal.abort(reason) })).rejects.toBe(reason);
    expect(model.calls).toEqual([]);
    const none = {} as never;
    await expectRejects(fit(none, samples, options), TypeError, "ERR_INVALID_TYPE", /^fit: model: expected a Module/);
    await expectRejects(
      evaluate(none, samples, options),
      TypeError,
      "ERR_INVALID_TYPE",
      /^evaluate: options: unknown option "optimizer"/,
    );
    const several = { ...options, loss: () => Listener.prototype.forward.call(model, 0).reshape([1]) };
    await fit(model, samples, several);
    const pair = { ...options, loss: (_: Tensor, targets: Tensor) => targets };
    await expectRejects(
      fit(model, samples, pair),
      RangeError,
      "ERR_SHAPE",
      /^fit: loss: expected a tensor of one element/,
    );
    model.dispose();
  });
});
