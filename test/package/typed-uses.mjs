// TypeScript that users could write, for the compilers that the package test runs: each text is a module.

/**
 * Runtime, tensors and operations.
 * @param {string} entry
 * @param {string} separate how the module gets its `separate`, a WebAssembly.Module
 */
export const useOfEntry = (entry, separate) => `
import { init, initSync, memoryUsage, scaledDotProductAttention, Tensor } from "${entry}";
${separate}

export async function attend(): Promise<ArrayLike<number>> {
  const runtime = await init({ module: separate });
  const arithmetic: "separate" | "fused" = runtime.arithmetic;
  const query: Tensor = Tensor.from(new Float32Array([1, 0, 1]), [1, 3]);
  const { output } = scaledDotProductAttention(query, query, { data: [1, 1, 1], shape: [1, 3] }, { isCausal: true });
  const shape: readonly number[] = output.shape;
  console.log(arithmetic, shape, memoryUsage().bytesInUse);
  query[Symbol.dispose]();
  return output.toArray();
}

export const start = (): unknown => initSync({ module: separate });
`;

/**
 * Layers and files beside an entry.
 * @param {string} entry
 */
export const useOfSubpaths = (entry) => `
import { type Activation, type Runtime, Tensor } from "${entry}";
import { type LoadedSafetensors, loadSafetensors, saveSafetensors, type UnsupportedTensor } from "wasm-attention/io";
import { Linear, MultiheadAttention, SelfAttention, type StateDict } from "wasm-attention/nn";

const activation: Activation = "gelu";
export function forward(runtime: Runtime, file: Uint8Array): Tensor {
  const layer = new Linear(3, 2, { activation });
  const loaded: LoadedSafetensors = loadSafetensors(file);
  const weight: Tensor | UnsupportedTensor | undefined = loaded.tensors.get("weight");
  const parameters: StateDict = layer.stateDict();
  saveSafetensors(parameters, { version: runtime.version });
  if (weight !== undefined) layer.loadStateDict({ weight }, { strict: false });
  if (weight instanceof Tensor) layer.forward(weight).dispose();
  // @ts-expect-error an option that there is not
  new MultiheadAttention(8, 2, { heads: 2 });
  return new SelfAttention(2, 1).forward(layer.forward(Tensor.from(new Float32Array(6), [2, 3]))).output;
}

export function weightsOfLayers(x: Tensor, needWeights: boolean): readonly (Tensor | undefined)[] {
  const self = new SelfAttention(2, 1);
  const attention = new MultiheadAttention(2, 1);
  // @ts-expect-error nothing asks for them
  self.forward(x, { isCausal: true }).weights;
  // @ts-expect-error nor here
  attention.forward(x, x, x).weights;
  // @ts-expect-error only running will tell
  const surely: Tensor = attention.forward(x, x, x, { needWeights }).weights;
  // @ts-expect-error an option that there is not
  self.forward(x, { needWeight: true });
  const asked: readonly Tensor[] = [
    self.forward(x, { needWeights: true }).weights,
    attention.forward(x, x, x, { needWeights: true, averageAttnWeights: false }).weights,
  ];
  return [...asked, surely, attention.forward(x, x, x, { needWeights }).weights];
}
`;

/**
 * What is known of attention's results, and of elements.
 * @param {string} entry
 */
export const useOfResults = (entry) => `
import {
  scaledDotProductAttention,
  type ScaledDotProductAttentionOptions,
  type ScaledDotProductAttentionResult,
  Tensor,
} from "${entry}";

export function asked(x: Tensor): readonly Tensor[] {
  const all = scaledDotProductAttention(x, x, x, { needWeights: true, needLogSumExp: true, pastKey: x, pastValue: x });
  const some = scaledDotProductAttention(x, x, x, { isCausal: true, needWeights: { heads: [0] } });
  const anything: ScaledDotProductAttentionResult = all;
  return [all.weights, all.logSumExp, all.presentKey, all.presentValue, some.weights, anything.output];
}

export function notAsked(x: Tensor): void {
  // @ts-expect-error nothing asks for them
  scaledDotProductAttention(x, x, x, { isCausal: true }).weights;
  // @ts-expect-error nor here
  scaledDotProductAttention(x, x, x, { needWeights: false }).weights;
  // @ts-expect-error nor here
  scaledDotProductAttention(x, x, x).logSumExp;
  // @ts-expect-error nor here
  scaledDotProductAttention(x, x, x, { needWeights: true }).presentKey;
}

export function perhaps(x: Tensor, needWeights: boolean, options?: ScaledDotProductAttentionOptions): void {
  const fields: (Tensor | undefined)[] = [
    scaledDotProductAttention(x, x, x, { needWeights }).weights,
    scaledDotProductAttention(x, x, x, options).weights,
    scaledDotProductAttention(x, x, x, options).presentKey,
    scaledDotProductAttention(x, x, x, { ...options, needWeights: true }).logSumExp,
  ];
  // @ts-expect-error only running will tell
  fields.push(scaledDotProductAttention(x, x, x, { needWeights }).weights.shape);
  // @ts-expect-error so here
  const one: Tensor = scaledDotProductAttention(x, x, x, { needWeights: needWeights || undefined }).weights;
  // @ts-expect-error so here
  const two: Tensor = scaledDotProductAttention(x, x, x, needWeights ? { needWeights: true } : {}).weights;
  // @ts-expect-error so here
  const three: Tensor = scaledDotProductAttention(x, x, x, options).logSumExp;
  const four: Tensor = scaledDotProductAttention(x, x, x, { ...options, needWeights: true }).weights;
  fields.push(one, two, three, four);
}

export function misspelt(x: Tensor): void {
  // @ts-expect-error an option that there is not
  scaledDotProductAttention(x, x, x, { causal: true });
  // @ts-expect-error beside one that there is
  scaledDotProductAttention(x, x, x, { needWeights: true, needLogSumExps: true });
  // @ts-expect-error within one
  scaledDotProductAttention(x, x, x, { needWeights: { head: [0] } });
  // @ts-expect-error of the wrong kind
  scaledDotProductAttention(x, x, x, { needWeights: true, isCausal: 1 });
}

export function elements(x: Tensor<"float32">, mask: Tensor<"bool">): readonly (number | boolean)[] {
  const first: number = x.toNested()[0][0];
  const rows: readonly string[] = x.toNested().map((row) => row.map((element) => element.toFixed(2)).join());
  const matrix: number[][] = x.toNested();
  const flag: boolean = mask.item();
  const either: number | boolean = (mask as Tensor).item();
  // @ts-expect-error it is a boolean
  const number: number = mask.toNested()[0];
  Tensor.from(x.toNested());
  return [first, rows.length, matrix.length, flag, either, number, x.item() + 1];
}
`;

/**
 * A model of the user's own that learns.
 * @param {string} entry
 */
export const useOfLearning = (entry) => `
import { add, Tensor } from "${entry}";
import { Linear, Module } from "wasm-attention/nn";
import {
  accuracy,
  AdamW,
  backward,
  bleu,
  checkpoint,
  clipGradNorm,
  cosineSchedule,
  crossEntropy,
  type CrossEntropyOptions,
  decayGroups,
  type Metric,
  noGrad,
  type OptimizerStateDict,
  type Reduction,
  type Schedule,
  type TextMetric,
  wordErrorRate,
} from "wasm-attention/train";

class Residual extends Module {
  first = new Linear(4, 4, { activation: "gelu" });
  second = new Linear(4, 3);

  forward(x: Tensor): Tensor {
    return this.second.forward(add(x, checkpoint((input: Tensor) => this.first.forward(input), x)));
  }
}

export function learn(x: Tensor, classes: Int32Array, reduction: Reduction): OptimizerStateDict {
  const model: Residual = new Residual().requiresGrad(true).requiresGrad(false, /bias$/);
  const optimizer = new AdamW(decayGroups(model, 0.1), { lr: 1e-3, betas: [0.9, 0.95] });
  const schedule: Schedule = cosineSchedule({ warmupSteps: 1, totalSteps: 10 });
  const options: CrossEntropyOptions = { labelSmoothing: 0.1, reduction };
  x.requiresGrad = true;
  const logits: Tensor = model.forward(x);
  logits.retainGrad();
  const loss: Tensor = crossEntropy(logits, classes, options);
  loss.backward(undefined, { retainGraph: true });
  backward([loss, logits], [Tensor.from(new Float32Array(1), []), logits.detach()]);
  const norm: number = clipGradNorm(model.parameters(), 1);
  optimizer.lrFactor = schedule(1);
  optimizer.step();
  optimizer.zeroGrad();
  model.zeroGrad();
  const gradient: Tensor<"float32"> | null = x.grad;
  const frozen: boolean = noGrad(() => model.forward(x)).requiresGrad;
  const metric: Metric = accuracy({ ignoreIndex: -1 });
  metric.update(logits, classes);
  const rate: TextMetric = wordErrorRate();
  rate.update(["a"], ["b"]);
  const score: number = metric.compute() + rate.compute() + bleu(["a b"], [["a c", "b"]]);
  console.log(norm.toFixed(), gradient?.shape, frozen, score);
  // @ts-expect-error there may be none
  x.grad.toArray();
  // @ts-expect-error an option that there is not
  crossEntropy(logits, classes, { smoothing: 0.1 });
  // @ts-expect-error of the wrong kind
  loss.requiresGrad = 1;
  // @ts-expect-error a score needs both
  bleu(["a"]);
  // @ts-expect-error only backward sets it
  x.grad = null;
  return optimizer.stateDict();
}
`;
