/** The runs of fit.safetensors in the package's terms: models, data, optimizers, options. */
import {
  Linear,
  maskedMean,
  mean,
  Module,
  relu,
  scope,
  tanh,
  type Tensor,
  type TensorData,
} from "../../../ts/entry/default.js";
import { Embedding } from "../../../ts/entry/nn.js";
import {
  Adam,
  AdamW,
  cosineSchedule,
  linearSchedule,
  type Optimizer,
  type Schedule,
  SGD,
} from "../../../ts/entry/train.js";
import { loadState } from "../pytorch/modules.js";
import { type CaseRecord, loadCases, requiredInput } from "../records.js";

/** What a record says of a run, in Keras's words. */
export interface RunAttributes {
  /** `dense` of numbers; `pooled` of tokens; `ragged` of tokens that are padded with 0. */
  readonly model: "dense" | "pooled" | "ragged";
  readonly sizes: Readonly<Record<"vocabulary" | "width" | "hidden" | "features" | "classes", number>>;
  readonly optimizer: "SGD" | "Adam" | "AdamW";
  readonly optimizer_arguments: {
    readonly learning_rate: number;
    readonly momentum?: number;
    readonly nesterov?: boolean;
    readonly epsilon?: number;
    readonly weight_decay?: number;
  };
  readonly global_clipnorm: number | null;
  readonly schedule:
    | {
        readonly name: "CosineDecay";
        readonly decay_steps: number;
        readonly alpha: number;
        readonly warmup_steps?: number;
      }
    | { readonly name: "PolynomialDecay"; readonly decay_steps: number }
    | null;
  readonly epochs: number;
  readonly batch_size: number;
  readonly validation_split: number | null;
  readonly early_stopping: {
    readonly monitor: "loss" | "val_loss";
    readonly min_delta: number;
    readonly patience: number;
    readonly restore_best_weights: boolean;
  } | null;
  /** What `manualSeed` gets before; null where samples stay in order. */
  readonly shuffle_seed: number | null;
  readonly evaluate_batch_size: number;
}

/** A classifier of vectors, or of tokens by the mean of their embeddings. */
export class Classifier extends Module {
  readonly embedding?: Embedding;
  readonly hidden: Linear;
  readonly head: Linear;

  constructor(kind: RunAttributes["model"], { vocabulary, width, hidden, features, classes }: RunAttributes["sizes"]) {
    super();
    if (kind !== "dense") this.embedding = new Embedding(vocabulary, width);
    this.hidden = new Linear(kind === "dense" ? features : width, hidden);
    this.head = new Linear(hidden, classes);
  }

  /** Logits `[batch, classes]`. */
  forward(inputs: Tensor, { mask }: { mask?: Tensor } = {}): Tensor {
    return scope(() => {
      if (this.embedding === undefined) return this.head.forward(tanh(this.hidden.forward(inputs)));
      const embedded = this.embedding.forward(inputs);
      const pooled = mask === undefined ? mean(embedded, { axis: 1 }) : maskedMean(embedded, mask);
      return this.head.forward(relu(this.hidden.forward(pooled)));
    });
  }
}

/** Samples, as `fit` takes them. */
export interface RunData {
  readonly inputs: TensorData | number[][];
  readonly targets: TensorData;
}

export interface Run {
  readonly record: CaseRecord;
  readonly attributes: RunAttributes;
  readonly data: RunData;
  /** Where the record has validation data of its own. */
  readonly validation: RunData | undefined;
  readonly schedule: Schedule | undefined;
  /** A model with the record's start. */
  readonly createModel: () => Classifier;
  readonly createOptimizer: (model: Module) => Optimizer;
}

function readData(record: CaseRecord, kind: RunAttributes["model"], prefix: string): RunData {
  const [inputs, targets] = [requiredInput(record, `${prefix}inputs`), requiredInput(record, `${prefix}targets`)];
  if (kind !== "ragged") return { inputs, targets };
  const [count, length] = inputs.shape;
  const tokens = Array.from(inputs.data as Int32Array);
  const row = (number: number): number[] => tokens.slice(number * length, (number + 1) * length);
  return { inputs: Array.from({ length: count }, (_, number) => row(number).filter((token) => token !== 0)), targets };
}

function readSchedule(schedule: RunAttributes["schedule"]): Schedule | undefined {
  if (schedule === null) return undefined;
  if (schedule.name === "PolynomialDecay") return linearSchedule({ totalSteps: schedule.decay_steps });
  const { decay_steps, alpha, warmup_steps: warmupSteps = 0 } = schedule;
  return cosineSchedule({ warmupSteps, totalSteps: warmupSteps + decay_steps, least: alpha });
}

function createOptimizer({ optimizer, optimizer_arguments: own }: RunAttributes, model: Module): Optimizer {
  const { learning_rate: lr, momentum, nesterov, epsilon: eps, weight_decay: weightDecay } = own;
  const parameters = model.parameters();
  if (optimizer === "SGD") return new SGD(parameters, { lr, momentum, nesterov });
  return optimizer === "Adam" ? new Adam(parameters, { lr, eps }) : new AdamW(parameters, { lr, eps, weightDecay });
}

/** All runs. */
export const runs: readonly Run[] = loadCases("keras/fit").map((record) => {
  const attributes = record.record.attributes as unknown as RunAttributes;
  const hasValidation = record.record.inputs.includes("validation_inputs");
  return {
    record,
    attributes,
    data: readData(record, attributes.model, ""),
    validation: hasValidation ? readData(record, attributes.model, "validation_") : undefined,
    schedule: readSchedule(attributes.schedule),
    createModel: () => {
      const model = new Classifier(attributes.model, attributes.sizes);
      loadState(model, record);
      return model;
    },
    createOptimizer: (model) => createOptimizer(attributes, model),
  };
});
