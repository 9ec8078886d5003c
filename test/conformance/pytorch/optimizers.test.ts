/** Steps of the optimizers, clipping and schedules against PyTorch's and transformers'. */
import { expect, it } from "vitest";
import { scope, Tensor, type TensorData } from "../../../ts/entry/default.js";
import {
  Adam,
  AdamW,
  clipGradNorm,
  constantSchedule,
  cosineSchedule,
  inverseSqrtSchedule,
  linearSchedule,
  oneCycleSchedule,
  type Schedule,
  SGD,
} from "../../../ts/entry/train.js";
import { forEachArithmetic } from "../../support/arithmetics.js";
import { withoutLeak } from "../../support/without-leak.js";
import { leafOf } from "../gradients.js";
import { type CaseRecord, expectAnswers, loadCases, requiredInput } from "../records.js";

const optimizers = { Adam, AdamW, SGD };

/** torch's arguments, of which each record has some. */
interface Arguments {
  readonly lr: number;
  readonly betas?: [number, number];
  readonly eps?: number;
  readonly weight_decay?: number;
  readonly amsgrad?: boolean;
  readonly momentum?: number;
  readonly dampening?: number;
  readonly nesterov?: boolean;
  /** The arguments of a group of its own, by parameter. */
  readonly own: Readonly<Record<string, { lr: number; weight_decay: number }>>;
  /** The steps at which a parameter has no gradient. */
  readonly missing: Readonly<Record<string, readonly number[]>>;
}

const NAMES = ["first", "second"];
const STEPS = 20;

/** The gradient of a step, of all that are stored. */
function gradientOf(pytorch: CaseRecord, name: string, step: number): TensorData {
  const { data, shape } = pytorch.stored(`inputs/${name}_gradients`);
  const size = data.length / STEPS;
  return { data: Float32Array.from(data.subarray((step - 1) * size, step * size)), shape: shape.slice(1) };
}

/** Gives a leaf its gradient. */
const setGradient = (leaf: Tensor, gradient: TensorData): void => leaf.backward(Tensor.from(gradient));

function runSteps(pytorch: CaseRecord): void {
  const { operator, attributes } = pytorch.record;
  const { own, missing, weight_decay: weightDecay, ...options } = attributes as unknown as Arguments;
  const leaves = new Map(NAMES.map((name) => [name, leafOf(requiredInput(pytorch, name))]));
  const groups = Array.from(leaves, ([name, leaf]) => {
    const group = own[name] as (typeof own)[string] | undefined;
    return { parameters: [leaf], ...(group && { lr: group.lr, weightDecay: group.weight_decay }) };
  });
  const Optimizer = optimizers[operator as keyof typeof optimizers];
  const optimizer = new Optimizer(groups, { ...options, ...(weightDecay !== undefined && { weightDecay }) });
  const results: Record<string, Tensor> = {};
  try {
    for (let step = 1; step <= STEPS; step++) {
      for (const [name, leaf] of leaves) {
        if (missing[name]?.includes(step) === true) continue;
        scope(() => setGradient(leaf, gradientOf(pytorch, name, step)));
      }
      optimizer.step();
      optimizer.zeroGrad();
      for (const [name, leaf] of leaves) {
        if (pytorch.record.outputs.includes(`${name}_${step}`)) results[`${name}_${step}`] = Tensor.from(leaf);
      }
    }
  } finally {
    optimizer.dispose();
  }
  expectAnswers(pytorch, results);
}

function runClipping(pytorch: CaseRecord): void {
  const leaves = NAMES.map((name) => {
    const gradient = requiredInput(pytorch, name);
    const leaf = leafOf({ data: new Float32Array((gradient.data as Float32Array).length), shape: gradient.shape });
    setGradient(leaf, gradient);
    return leaf;
  });
  const norm = clipGradNorm(leaves, pytorch.record.attributes["max_norm"] as number);
  expectAnswers(pytorch, {
    norm: Tensor.from({ data: Float32Array.of(norm), shape: [] }),
    first: leaves[0].grad,
    second: leaves[1].grad,
  });
}

/** torch's and transformers' arguments of schedules, of which each record has some. */
interface ScheduleArguments {
  readonly num_warmup_steps: number;
  readonly num_training_steps: number;
  readonly min_lr_rate?: number;
  readonly total_steps: number;
}

/** The package's schedule for every operator of the records. */
const schedules: Readonly<Record<string, (given: ScheduleArguments) => Schedule>> = {
  get_constant_schedule: () => constantSchedule(),
  get_constant_schedule_with_warmup: (given) => constantSchedule({ warmupSteps: given.num_warmup_steps }),
  get_linear_schedule_with_warmup: (given) =>
    linearSchedule({ warmupSteps: given.num_warmup_steps, totalSteps: given.num_training_steps }),
  get_cosine_schedule_with_warmup: (given) =>
    cosineSchedule({ warmupSteps: given.num_warmup_steps, totalSteps: given.num_training_steps }),
  get_cosine_with_min_lr_schedule_with_warmup: (given) =>
    cosineSchedule({
      warmupSteps: given.num_warmup_steps,
      totalSteps: given.num_training_steps,
      least: given.min_lr_rate,
    }),
  get_inverse_sqrt_schedule: (given) => inverseSqrtSchedule({ warmupSteps: given.num_warmup_steps }),
  OneCycleLR: (given) => oneCycleSchedule({ totalSteps: given.total_steps }),
};

function runSchedule(pytorch: CaseRecord): void {
  const { operator, attributes } = pytorch.record;
  const schedule = schedules[operator](attributes as unknown as ScheduleArguments);
  const { length } = pytorch.stored("outputs/factors").data;
  expectAnswers(pytorch, { factors: Tensor.from(Float32Array.from({ length }, (_, step) => schedule(step))) });
}

forEachArithmetic(() => {
  const cases = [...loadCases("pytorch/optimizers"), ...loadCases("transformers/schedules")];
  const suites: [string, number, RegExp, (record: CaseRecord) => void][] = [
    ["optimizers", 34, /^optimizer_/, runSteps],
    ["clipping", 8, /^clip_/, runClipping],
    ["schedules", 27, /^(one_cycle|schedule)_/, runSchedule],
  ];
  for (const [title, count, pattern, run] of suites) {
    const own = cases.filter(({ name }) => pattern.test(name));
    it(`${title} has its ${count} cases`, () => expect(own.length).toBe(count));
    // Not `it.each`, which cuts long names short: scripts/conformance-table.mjs reads them from the report.
    for (const pytorch of own) it(`${title}: ${pytorch.name}`, () => withoutLeak(() => run(pytorch)));
  }
});
