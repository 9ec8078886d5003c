/** The fifty training steps of gpt_run.py, encoder_decoder_run.py and sequential_run.py. */
import { scope } from "../../../ts/entry/default.js";
import { AdamW, clipGradNorm, cosineSchedule } from "../../../ts/entry/train.js";
import { type CaseRecord, loadCases } from "../records.js";
import { Classifier, LanguageModel, type TrainedModel, type Sizes, type Tokens, Translator } from "./models.js";
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

/** The loss of each step. Everything that the run makes is freed. */
function losses(run: CaseRecord, create: new (sizes: Sizes) => TrainedModel): Float32Array<ArrayBuffer> {
  const { optimizer: own, warmup_steps, steps, max_norm, sizes } = run.record.attributes as unknown as RunAttributes;
  const { lr, betas, eps, weight_decay: weightDecay } = own;
  const model = new create(sizes);
  try {
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
  } finally {
    model.dispose();
  }
}

const models: Readonly<Record<string, new (sizes: Sizes) => TrainedModel>> = {
  gpt_run: LanguageModel,
  encoder_decoder_run: Translator,
  sequential_run: Classifier,
};

/** The runs, by the names of their files. */
export const trainingRuns = Object.entries(models).map(([name, create]) => {
  const [run] = loadCases(`pytorch/${name}`);
  return { name, run, losses: () => losses(run, create) };
});
