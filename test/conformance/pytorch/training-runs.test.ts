/** Fifty training steps of two models: the loss of each step is PyTorch's. */
import { expect, it } from "vitest";
import { memoryUsage, scope, Tensor } from "../../../ts/entry/default.js";
import { AdamW, clipGradNorm, cosineSchedule } from "../../../ts/entry/train.js";
import { forEachArithmetic } from "../../support/arithmetics.js";
import { type CaseRecord, expectAnswers, loadCases } from "../records.js";
import { LanguageModel, type Model, type Sizes, type Tokens, Translator } from "./models.js";
import { loadState } from "./modules.js";

interface RunAttributes {
  readonly optimizer: { lr: number; betas: [number, number]; eps: number; weight_decay: number };
  readonly warmup_steps: number;
  readonly steps: number;
  readonly max_norm: number;
  readonly sizes: Sizes;
}

/** The tensors of a step, of inputs `[steps, batch, length]`. */
function batchOf({ record, stored }: CaseRecord, step: number): Record<string, Tokens> {
  return Object.fromEntries(
    record.inputs.map((name) => {
      const {
        shape: [, batch, length],
        data,
      } = stored(`inputs/${name}`);
      const size = batch * length;
      return [name, { data: Int32Array.from(data.subarray(step * size, (step + 1) * size)), shape: [batch, length] }];
    }),
  );
}

function lossesOf(run: CaseRecord, model: Model): Float32Array {
  const { optimizer: own, warmup_steps, steps, max_norm } = run.record.attributes as unknown as RunAttributes;
  const { lr, betas, eps, weight_decay: weightDecay } = own;
  loadState(model, run);
  const optimizer = new AdamW(model.parameters(), { lr, betas, eps, weightDecay });
  const schedule = cosineSchedule({ warmupSteps: warmup_steps, totalSteps: steps });
  try {
    return Float32Array.from({ length: steps }, (_, step) =>
      scope(() => {
        const loss = model.loss(batchOf(run, step));
        loss.backward();
        clipGradNorm(model.parameters(), max_norm);
        optimizer.lrFactor = schedule(step);
        optimizer.step();
        optimizer.zeroGrad();
        return Number(loss.item());
      }),
    );
  } finally {
    optimizer.dispose();
  }
}

forEachArithmetic(() => {
  const runs: [string, new (sizes: Sizes) => Model][] = [
    ["gpt_run", LanguageModel],
    ["encoder_decoder_run", Translator],
  ];
  for (const [file, create] of runs) {
    const [run] = loadCases(`pytorch/${file}`);
    it(`${file}: ${run.name}`, () => {
      const before = memoryUsage().bytesInUse;
      const model = new create((run.record.attributes as unknown as RunAttributes).sizes);
      let losses: Float32Array;
      try {
        losses = lossesOf(run, model);
      } finally {
        model.dispose();
      }
      expect(memoryUsage().bytesInUse).toBe(before);
      scope(() => expectAnswers(run, { loss: Tensor.from(losses) }));
    });
  }
});
