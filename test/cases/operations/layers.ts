/** The layers with parameters of their own that are made of one operation or a few, and the modules made of them. */
import { Linear, Module, type Tensor, type TensorData } from "../../../ts/entry/default.js";
import {
  Conv1d,
  Dropout,
  Embedding,
  FeedForward,
  generateSquareSubsequentMask,
  LayerNorm,
  PositionalEncoding,
  RMSNorm,
  Sequential,
} from "../../../ts/entry/nn.js";
import { randomOperand } from "../layer-operands.js";
import { type Disposable, floats, type OperationRecord, type Refusal, wrongDTypes } from "../operation.js";

const input = randomOperand(1, "float16", [2, 30, 32]);

/** A layer, and what a call of it gives. */
const calledWith = <M extends Module>(layer: M, call: (layer: M) => Tensor): readonly Disposable[] => [
  layer,
  call(layer),
];

/** What a call of a layer gives, which goes. */
function resultOf<M extends Module>(layer: M, call: (layer: M) => Tensor): Disposable[] {
  try {
    return [call(layer)];
  } finally {
    layer.dispose();
  }
}

/** Does something with a layer, and ends with what that throws. */
const refusedBy =
  <M extends Module>(create: () => M, use: (layer: M) => unknown): (() => unknown) =>
  () => {
    const layer = create();
    try {
      return use(layer);
    } finally {
      layer.dispose();
    }
  };

/** A layer that has been disposed refuses to compute. */
const disposed = <M extends Module>(name: string, create: () => M, use: (layer: M) => unknown): Refusal => [
  "a call once it has been disposed",
  () => {
    const layer = create();
    layer.dispose();
    return use(layer);
  },
  TypeError,
  "ERR_DISPOSED",
  new RegExp(`^${name}\\.forward: this: the ${name} has been disposed$`),
];

/** Calls with arguments that the types forbid. */
const wrong = <Result>(create: new (...args: never[]) => Result, ...args: unknown[]): Result =>
  new create(...(args as never[]));
const wrongly = <Result>(call: (...args: never[]) => Result, ...args: unknown[]): Result => call(...(args as never[]));

const shape = (...sizes: number[]): TensorData => ({
  data: new Float32Array(sizes.reduce((a, b) => a * b, 1)),
  shape: sizes,
});

const SUITES = {
  property: { suite: "conformance/pytorch/layers" },
  gradient: { suite: "conformance/pytorch/layers" },
  error: "that of its parts",
} as const;

class WithoutForward extends Module {}

// prettier-ignore
export const layerRecords: readonly OperationRecord[] = [
  {
    ...SUITES,
    name: "LayerNorm",
    family: "nn/layer-norm",
    computes: "`layerNorm` with parameters of its own",
    error: "that of `layerNorm`",
    refusals: [
      ...wrongDTypes("layerNorm", "input", (x) => refusedBy(() => new LayerNorm(4), (layer) => layer.forward(x))()),
      ["a text as the shape", () => wrong(LayerNorm, "4"), TypeError, "ERR_INVALID_TYPE", /^LayerNorm: normalizedShape: .*got "4"/],
      ["no axes", () => new LayerNorm([]), RangeError, "ERR_SHAPE", /^LayerNorm: normalizedShape: expected at least one size, each at least 1, got \[\]/],
      ["a size of 0", () => new LayerNorm([3, 0]), RangeError, "ERR_SHAPE", /^LayerNorm: normalizedShape: .*got \[3, 0\]/],
      ["a fraction", () => new LayerNorm(1.5), RangeError, "ERR_SHAPE", /^LayerNorm: normalizedShape.*1\.5/],
      ["a negative eps", () => new LayerNorm(4, { eps: -1 }), RangeError, "ERR_INVALID_VALUE", /^LayerNorm: eps: .*at least 0, got -1/],
      ["eps as PyTorch's position has it", () => wrong(LayerNorm, 4, 1e-5), TypeError, "ERR_INVALID_TYPE", /^LayerNorm: options: .*got 0\.00001/],
      ["PyTorch's name of an option", () => wrong(LayerNorm, 4, { elementwise_affine: false }), TypeError, "ERR_INVALID_TYPE", /did you mean elementwiseAffine/],
      ["a number for a boolean", () => wrong(LayerNorm, 4, { bias: 0 }), TypeError, "ERR_INVALID_TYPE", /^LayerNorm: bias: .*got 0/],
      ["more than fits", () => new LayerNorm(2 ** 30), RangeError, "ERR_OUT_OF_MEMORY", /^LayerNorm: out of memory/],
      ["another shape", refusedBy(() => new LayerNorm([3, 4]), (layer) => layer.forward(shape(4, 3))), RangeError, "ERR_SHAPE", /^layerNorm: input: .*got \[4, 3\]/],
      ["a weight without axes", () => LayerNorm.from({ data: [1], shape: [] }), RangeError, "ERR_SHAPE", /^LayerNorm\.from: weight: .*got \[\]/],
      ["another bias", () => LayerNorm.from(shape(3), shape(4)), RangeError, "ERR_SHAPE", /^LayerNorm\.from: bias: .*\[3\].*\[4\]/],
      ["an option that from hasn't", () => wrongly(LayerNorm.from, shape(3), undefined, { bias: true }), TypeError, "ERR_INVALID_TYPE", /^LayerNorm\.from: options: unknown option "bias"/],
      disposed("LayerNorm", () => new LayerNorm(4), (layer) => layer.forward(shape(4))),
    ],
    call: () => calledWith(new LayerNorm(4), (layer) => layer.forward(floats(2, 4))),
    memory: {
      LayerNorm: () => [new LayerNorm([30, 32])],
      "LayerNorm.forward": () => resultOf(new LayerNorm(32), (layer) => layer.forward(input)),
    },
    mixture: (n) => calledWith(new LayerNorm(n, { bias: n % 2 === 0 }), (layer) => layer.forward(floats(3, n))),
    bits: { none: "those of `layerNorm`" },
  },
  {
    ...SUITES,
    name: "RMSNorm",
    family: "nn/rms-norm",
    computes: "`rmsNorm` with a weight of its own",
    error: "that of `rmsNorm`",
    refusals: [
      ...wrongDTypes("rmsNorm", "input", (x) => refusedBy(() => new RMSNorm(4), (layer) => layer.forward(x))()),
      ["no axes", () => new RMSNorm([]), RangeError, "ERR_SHAPE", /^RMSNorm: normalizedShape: .*got \[\]/],
      ["null", () => wrong(RMSNorm, null), TypeError, "ERR_INVALID_TYPE", /^RMSNorm: normalizedShape: .*got null/],
      ["an infinite eps", () => new RMSNorm(4, { eps: Infinity }), RangeError, "ERR_INVALID_VALUE", /^RMSNorm: eps: .*got Infinity/],
      ["a bias, which it hasn't", () => wrong(RMSNorm, 4, { bias: true }), TypeError, "ERR_INVALID_TYPE", /^RMSNorm: options: unknown option "bias"/],
      ["a text for a boolean", () => wrong(RMSNorm, 4, { elementwiseAffine: "no" }), TypeError, "ERR_INVALID_TYPE", /^RMSNorm: elementwiseAffine: .*got "no"/],
      ["another shape", refusedBy(() => new RMSNorm(4), (layer) => layer.forward(shape(4, 3))), RangeError, "ERR_SHAPE", /^rmsNorm: input: .*got \[4, 3\]/],
      ["a weight without axes", () => RMSNorm.from({ data: [1], shape: [] }), RangeError, "ERR_SHAPE", /^RMSNorm\.from: weight: .*got \[\]/],
      ["an int32 weight", () => RMSNorm.from({ data: new Int32Array(3), shape: [3] }), TypeError, "ERR_INVALID_TYPE", /^RMSNorm\.from: weight: .*"int32"/],
      disposed("RMSNorm", () => new RMSNorm(4), (layer) => layer.forward(shape(4))),
    ],
    call: () => calledWith(new RMSNorm(4), (layer) => layer.forward(floats(2, 4))),
    memory: {
      RMSNorm: () => [new RMSNorm([30, 32])],
      "RMSNorm.forward": () => resultOf(new RMSNorm(32), (layer) => layer.forward(input)),
    },
    mixture: (n) => calledWith(new RMSNorm(n), (layer) => layer.forward(floats(3, n))),
    bits: { none: "those of `rmsNorm`" },
  },
  {
    ...SUITES,
    name: "Embedding",
    family: "nn/embedding",
    computes: "rows of a table of its own",
    error: "none: bit for bit",
    refusals: [
      ["no tokens", () => new Embedding(0, 4), RangeError, "ERR_INVALID_VALUE", /^Embedding: numEmbeddings: .*at least 1, got 0/],
      ["a fraction", () => new Embedding(4, 0.5), RangeError, "ERR_INVALID_VALUE", /^Embedding: embeddingDim: .*got 0\.5/],
      ["no width", () => wrong(Embedding, 4), TypeError, "ERR_INVALID_TYPE", /^Embedding: embeddingDim: .*got undefined/],
      ["a padding row over the rows", () => new Embedding(4, 2, { paddingIdx: 4 }), RangeError, "ERR_INVALID_VALUE", /^Embedding: paddingIdx: .*from -4 to 3, got 4/],
      ["a padding row before the first", () => new Embedding(4, 2, { paddingIdx: -5 }), RangeError, "ERR_INVALID_VALUE", /^Embedding: paddingIdx: .*got -5/],
      ["PyTorch's name of an option", () => wrong(Embedding, 4, 2, { padding_idx: 0 }), TypeError, "ERR_INVALID_TYPE", /did you mean paddingIdx/],
      ["PyTorch's max_norm", () => wrong(Embedding, 4, 2, { maxNorm: 1 }), TypeError, "ERR_INVALID_TYPE", /^Embedding: options: unknown option "maxNorm"/],
      ["more than fits", () => new Embedding(2 ** 20, 2 ** 10), RangeError, "ERR_OUT_OF_MEMORY", /^Embedding: out of memory: .*\[1048576, 1024\]/],
      ["an index over the rows", refusedBy(() => new Embedding(4, 2), (layer) => layer.forward([[0, 4]])), RangeError, "ERR_INVALID_VALUE", /^embedding: indices, element 1: .*got 4/],
      ["floats", refusedBy(() => new Embedding(4, 2), (layer) => layer.forward(shape(2))), TypeError, "ERR_INVALID_TYPE", /^embedding: indices: .*"float32"/],
      ["a table of rank 1", () => Embedding.from(shape(3)), RangeError, "ERR_SHAPE", /^Embedding\.from: weight: .*got \[3\]/],
      ["a table without rows", () => Embedding.from(shape(0, 3)), RangeError, "ERR_SHAPE", /^Embedding\.from: weight: .*got \[0, 3\]/],
      ["a padding row that a table hasn't", () => Embedding.from(shape(2, 3), { paddingIdx: 2 }), RangeError, "ERR_INVALID_VALUE", /^Embedding\.from: paddingIdx: .*from -2 to 1, got 2/],
      disposed("Embedding", () => new Embedding(4, 2), (layer) => layer.forward([0])),
    ],
    call: () => calledWith(new Embedding(4, 3), (layer) => layer.forward([2])),
    memory: {
      Embedding: () => [new Embedding(100, 32, { paddingIdx: 0 })],
      "Embedding.forward": () => resultOf(new Embedding(100, 32), (layer) => layer.forward(new Int32Array(60))),
    },
    mixture: (n) => calledWith(new Embedding(n, 8, { paddingIdx: -1 }), (layer) => layer.forward([0, n - 1])),
    bits: { none: "it copies" },
  },
  {
    ...SUITES,
    name: "Conv1d",
    family: "nn/conv1d",
    computes: "`conv1d` with parameters of its own",
    error: "that of `conv1d`",
    refusals: [
      ...wrongDTypes("conv1d", "input", (x) => refusedBy(() => new Conv1d(3, 2, 3), (layer) => layer.forward(x))()),
      ["no channels", () => new Conv1d(0, 2, 3), RangeError, "ERR_INVALID_VALUE", /^Conv1d: inChannels: .*at least 1, got 0/],
      ["no kernel", () => wrong(Conv1d, 3, 2), TypeError, "ERR_INVALID_TYPE", /^Conv1d: kernelSize: .*got undefined/],
      ["a kernel of two axes", () => wrong(Conv1d, 3, 2, [3, 3]), TypeError, "ERR_INVALID_TYPE", /^Conv1d: kernelSize: .*got \[3, 3\]/],
      ["a stride of 0", () => new Conv1d(3, 2, 3, { stride: 0 }), RangeError, "ERR_INVALID_VALUE", /^Conv1d: stride: .*got 0/],
      ["a padding by name", () => wrong(Conv1d, 3, 2, 3, { padding: "same" }), TypeError, "ERR_INVALID_TYPE", /^Conv1d: padding: .*got "same"/],
      ["a negative padding", () => new Conv1d(3, 2, 3, { padding: -1 }), RangeError, "ERR_INVALID_VALUE", /^Conv1d: padding: .*got -1/],
      ["a fractional dilation", () => new Conv1d(3, 2, 3, { dilation: 1.5 }), RangeError, "ERR_INVALID_VALUE", /^Conv1d: dilation: .*got 1\.5/],
      ["groups that don't divide the inputs", () => new Conv1d(3, 2, 3, { groups: 2 }), RangeError, "ERR_INVALID_VALUE", /^Conv1d: inChannels: expected a multiple of groups, 2, got 3/],
      ["groups that don't divide the outputs", () => new Conv1d(4, 3, 3, { groups: 2 }), RangeError, "ERR_INVALID_VALUE", /^Conv1d: outChannels: expected a multiple of groups, 2, got 3/],
      ["a number for the bias", () => wrong(Conv1d, 3, 2, 3, { bias: 1 }), TypeError, "ERR_INVALID_TYPE", /^Conv1d: bias: .*got 1/],
      ["an unknown option", () => wrong(Conv1d, 3, 2, 3, { paddingMode: "zeros" }), TypeError, "ERR_INVALID_TYPE", /^Conv1d: options: unknown option "paddingMode"/],
      ["more than fits", () => new Conv1d(2 ** 15, 2 ** 15, 3), RangeError, "ERR_OUT_OF_MEMORY", /^Conv1d: out of memory: .*\[32768, 32768, 3\]/],
      ["other channels", refusedBy(() => new Conv1d(3, 2, 3), (layer) => layer.forward(shape(1, 4, 9))), RangeError, "ERR_SHAPE", /^conv1d: input: expected 3 channels.*got \[1, 4, 9\]/],
      ["a sequence that is too short", refusedBy(() => new Conv1d(3, 2, 3), (layer) => layer.forward(shape(1, 3, 2))), RangeError, "ERR_SHAPE", /^conv1d: input: .*at least 3/],
      ["a weight of rank 2", () => Conv1d.from(shape(2, 3)), RangeError, "ERR_SHAPE", /^Conv1d\.from: weight: .*got \[2, 3\]/],
      ["an empty weight", () => Conv1d.from(shape(2, 0, 3)), RangeError, "ERR_SHAPE", /^Conv1d\.from: weight: .*got \[2, 0, 3\]/],
      ["groups that don't divide a weight", () => Conv1d.from(shape(3, 1, 3), undefined, { groups: 2 }), RangeError, "ERR_INVALID_VALUE", /^Conv1d\.from: groups: expected a divisor of the weight's 3 output channels, got 2/],
      ["another bias", () => Conv1d.from(shape(2, 3, 3), shape(3)), RangeError, "ERR_SHAPE", /^Conv1d\.from: bias: .*\[2\].*\[3\]/],
      disposed("Conv1d", () => new Conv1d(3, 2, 3), (layer) => layer.forward(shape(3, 9))),
    ],
    call: () => calledWith(new Conv1d(3, 2, 3), (layer) => layer.forward(floats(3, 9))),
    memory: {
      Conv1d: () => [new Conv1d(30, 32, 3)],
      "Conv1d.forward": () => resultOf(new Conv1d(30, 32, 3, { padding: 1 }), (layer) => layer.forward(input)),
    },
    mixture: (n) => calledWith(new Conv1d(2, n, 2, { bias: n % 2 === 0, padding: 1 }), (layer) => layer.forward(floats(2, n))),
    bits: { none: "those of `conv1d`" },
  },
  {
    ...SUITES,
    name: "Dropout",
    family: "nn/dropout",
    computes: "`dropout` in training mode, its input else",
    error: "that of `dropout`",
    property: { suite: "nn/dropout" },
    gradient: { suite: "nn/dropout" },
    refusals: [
      ...wrongDTypes("dropout", "input", (x) => new Dropout().forward(x)),
      ...wrongDTypes("Dropout.forward", "input", (x) => new Dropout().eval().forward(x)),
      ["a probability over 1", () => new Dropout(1.5), RangeError, "ERR_INVALID_VALUE", /^Dropout: p: .*from 0 to 1, got 1\.5/],
      ["NaN", () => new Dropout(NaN), RangeError, "ERR_INVALID_VALUE", /^Dropout: p: .*got NaN/],
      ["options", () => wrong(Dropout, { p: 0.5 }), TypeError, "ERR_INVALID_TYPE", /^Dropout: p: .*got/],
      disposed("Dropout", () => new Dropout(), (layer) => layer.forward(shape(4))),
    ],
    call: () => calledWith(new Dropout(), (layer) => layer.forward(floats(2, 4))),
    memory: { "Dropout.forward": () => resultOf(new Dropout(), (layer) => layer.forward(input)) },
    mixture: (n) => calledWith(new Dropout(n / 40), (layer) => layer.forward(floats(n, 3))),
    bits: { none: "those of `dropout`" },
  },
  {
    ...SUITES,
    name: "FeedForward",
    family: "nn/feed-forward",
    computes: "linear2(dropout(activation(linear1 x))), or Llama's SwiGLU",
    refusals: [
      ...wrongDTypes("FeedForward.forward", "input", (x) => refusedBy(() => new FeedForward(4, 8), (layer) => layer.forward(x))()),
      ["no width", () => new FeedForward(0, 8), RangeError, "ERR_INVALID_VALUE", /^FeedForward: dModel: .*got 0/],
      ["no hidden width", () => wrong(FeedForward, 4), TypeError, "ERR_INVALID_TYPE", /^FeedForward: dimFeedforward: .*got undefined/],
      ["an unknown activation", () => wrong(FeedForward, 4, 8, { activation: "geglu" }), RangeError, "ERR_INVALID_VALUE", /^FeedForward: activation: .*"swiglu", got "geglu"/],
      ["a function as the activation", () => wrong(FeedForward, 4, 8, { activation: Math.abs }), TypeError, "ERR_INVALID_TYPE", /^FeedForward: activation: .*got a function/],
      ["a dropout over 1", () => new FeedForward(4, 8, { dropout: 2 }), RangeError, "ERR_INVALID_VALUE", /^FeedForward: dropout: .*got 2/],
      ["a text for the bias", () => wrong(FeedForward, 4, 8, { bias: "none" }), TypeError, "ERR_INVALID_TYPE", /^FeedForward: bias: .*got "none"/],
      ["an unknown option", () => wrong(FeedForward, 4, 8, { gated: true }), TypeError, "ERR_INVALID_TYPE", /^FeedForward: options: unknown option "gated"/],
      ["more than fits", () => new FeedForward(2 ** 15, 2 ** 15), RangeError, "ERR_OUT_OF_MEMORY", /^FeedForward: out of memory/],
      ["another width", refusedBy(() => new FeedForward(4, 8), (layer) => layer.forward(shape(2, 5))), RangeError, "ERR_SHAPE", /^FeedForward\.forward: input: .*\[…, 4\].*got \[2, 5\]/],
      ["another width, gated", refusedBy(() => new FeedForward(4, 8, { activation: "swiglu" }), (layer) => layer.forward(shape(2, 5))), RangeError, "ERR_SHAPE", /^FeedForward\.forward: input: .*got \[2, 5\]/],
      ["a dictionary of the other names", () => FeedForward.from({ "linear1.weight": shape(8, 4), "linear2.weight": shape(4, 8) }, 4, 8, { activation: "swiglu" }), RangeError, "ERR_INVALID_VALUE", /^FeedForward\.from: dict: missing keys "gate_proj\.weight", "up_proj\.weight", "down_proj\.weight"; unexpected keys/],
      ["a dictionary of other shapes", () => FeedForward.from({ "linear1.weight": shape(4, 8), "linear2.weight": shape(4, 8) }, 4, 8, { bias: false }), RangeError, "ERR_SHAPE", /^FeedForward\.from: dict: linear1\.weight: expected shape \[8, 4\], got \[4, 8\]$/],
      disposed("FeedForward", () => new FeedForward(4, 8), (layer) => layer.forward(shape(4))),
    ],
    call: () => calledWith(new FeedForward(4, 8), (layer) => layer.forward(floats(2, 4))),
    memory: {
      FeedForward: () => [new FeedForward(32, 64)],
      "FeedForward of SwiGLU": () => [new FeedForward(32, 64, { activation: "swiglu", bias: true })],
      "FeedForward.forward": () => resultOf(new FeedForward(32, 64, { dropout: 0.1 }), (layer) => layer.forward(input)),
      "FeedForward.forward of SwiGLU": () => resultOf(new FeedForward(32, 64, { activation: "swiglu" }), (layer) => layer.forward(input)),
    },
    mixture: (n) => calledWith(new FeedForward(4, n, { activation: n % 2 === 0 ? "gelu" : "swiglu", dropout: 0.1 }), (layer) => layer.forward(floats(n, 4))),
    bits: { none: "`Linear` and `swiglu` have them, of which it is made" },
  },
  {
    ...SUITES,
    name: "PositionalEncoding",
    family: "nn/positional-encoding",
    computes: "input + the row of its position of a sinusoidal or learned table",
    error: "2^-24 · |result|, of the table as it is",
    refusals: [
      ...wrongDTypes("PositionalEncoding.forward", "input", (x) => refusedBy(() => new PositionalEncoding(4, { maxLength: 9 }), (layer) => layer.forward(x))()),
      ["no width", () => wrong(PositionalEncoding), TypeError, "ERR_INVALID_TYPE", /^PositionalEncoding: dModel: .*got undefined/],
      ["no positions", () => new PositionalEncoding(4, { maxLength: 0 }), RangeError, "ERR_INVALID_VALUE", /^PositionalEncoding: maxLength: .*got 0/],
      ["an unknown type", () => wrong(PositionalEncoding, 4, { type: "rotary" }), RangeError, "ERR_INVALID_VALUE", /^PositionalEncoding: type: expected "sinusoidal" or "learned", got "rotary"/],
      ["the tutorial's dropout, by position", () => wrong(PositionalEncoding, 4, 0.1), TypeError, "ERR_INVALID_TYPE", /^PositionalEncoding: options: .*got 0\.1/],
      ["a negative dropout", () => new PositionalEncoding(4, { dropout: -1 }), RangeError, "ERR_INVALID_VALUE", /^PositionalEncoding: dropout: .*got -1/],
      ["PyTorch's name of an option", () => wrong(PositionalEncoding, 4, { batch_first: true }), TypeError, "ERR_INVALID_TYPE", /did you mean batchFirst/],
      ["a table over 2 GiB", () => new PositionalEncoding(2 ** 20, { maxLength: 2 ** 10 }), RangeError, "ERR_OUT_OF_MEMORY", /out of memory/],
      ["a learned table over 2 GiB", () => new PositionalEncoding(2 ** 20, { type: "learned", maxLength: 2 ** 10 }), RangeError, "ERR_OUT_OF_MEMORY", /^PositionalEncoding: out of memory/],
      ["another width", refusedBy(() => new PositionalEncoding(4, { maxLength: 9 }), (layer) => layer.forward(shape(2, 5))), RangeError, "ERR_SHAPE", /^PositionalEncoding\.forward: input: expected shape \[L, B, 4\] or \[L, 4\], got \[2, 5\]/],
      ["rank 1", refusedBy(() => new PositionalEncoding(4, { maxLength: 9, batchFirst: true }), (layer) => layer.forward(shape(4))), RangeError, "ERR_SHAPE", /^PositionalEncoding\.forward: input: expected shape \[B, L, 4\] or \[L, 4\], got \[4\]/],
      ["more tokens than positions", refusedBy(() => new PositionalEncoding(4, { maxLength: 9 }), (layer) => layer.forward(shape(10, 1, 4))), RangeError, "ERR_SHAPE", /^PositionalEncoding\.forward: input: expected a length L of at most 9, maxLength, got \[10, 1, 4\]/],
      ["a first position from which too few follow", refusedBy(() => new PositionalEncoding(4, { maxLength: 9 }), (layer) => layer.forward(shape(2, 4), { positionIds: 8 })), RangeError, "ERR_INVALID_VALUE", /^PositionalEncoding\.forward: positionIds: .*from 0 to 7, got 8/],
      ["a position that there isn't", refusedBy(() => new PositionalEncoding(4, { maxLength: 9 }), (layer) => layer.forward(shape(2, 4), { positionIds: [3, 9] })), RangeError, "ERR_INVALID_VALUE", /^PositionalEncoding\.forward: positionIds, element 1: .*got 9/],
      ["positions of another length", refusedBy(() => new PositionalEncoding(4, { maxLength: 9 }), (layer) => layer.forward(shape(2, 4), { positionIds: [3] })), RangeError, "ERR_SHAPE", /^PositionalEncoding\.forward: positionIds: .*\[2\].*got \[1\]/],
      ["an unknown option of forward", refusedBy(() => new PositionalEncoding(4, { maxLength: 9 }), (layer) => layer.forward(shape(2, 4), { offset: 3 } as never)), TypeError, "ERR_INVALID_TYPE", /^PositionalEncoding\.forward: options: unknown option "offset"/],
      ["a table of rank 3", () => PositionalEncoding.from(shape(2, 1, 4)), RangeError, "ERR_SHAPE", /^PositionalEncoding\.from: weight: .*got \[2, 1, 4\]/],
      ["a type of given positions", () => wrongly(PositionalEncoding.from, shape(2, 4), { type: "sinusoidal" }), TypeError, "ERR_INVALID_TYPE", /^PositionalEncoding\.from: options: unknown option "type"/],
      disposed("PositionalEncoding", () => new PositionalEncoding(4, { maxLength: 9 }), (layer) => layer.forward(shape(2, 4))),
    ],
    call: () => calledWith(new PositionalEncoding(4, { maxLength: 9 }), (layer) => layer.forward(floats(2, 4))),
    memory: {
      PositionalEncoding: () => [new PositionalEncoding(32, { maxLength: 60 })],
      "PositionalEncoding, learned": () => [new PositionalEncoding(32, { type: "learned", maxLength: 60 })],
      "PositionalEncoding.forward": () => resultOf(new PositionalEncoding(32, { maxLength: 60, dropout: 0.1 }), (layer) => layer.forward(input)),
      "PositionalEncoding.forward, of position numbers": () => resultOf(new PositionalEncoding(32, { maxLength: 60 }), (layer) => layer.forward(input, { positionIds: [5, 0] })),
    },
    mixture: (n) => calledWith(new PositionalEncoding(4, { maxLength: 50, type: n % 2 === 0 ? "learned" : "sinusoidal" }), (layer) => layer.forward(floats(n, 2, 4), { positionIds: 3 })),
    bits: { none: "`add`, `sinusoidalPositions` and `randn` have them, of which it is made" },
  },
  {
    ...SUITES,
    name: "Sequential",
    family: "nn/sequential",
    computes: "modules one after the other",
    refusals: [
      ["no modules", () => new Sequential(), RangeError, "ERR_INVALID_VALUE", /^Sequential: modules: expected at least one module, got \[\]/],
      ["an array of modules", () => wrong(Sequential, [new Dropout()]), TypeError, "ERR_INVALID_TYPE", /^Sequential: modules\[0\]: expected a Module with a method forward, got \[/],
      ["a function", () => wrong(Sequential, new Dropout(), Math.abs), TypeError, "ERR_INVALID_TYPE", /^Sequential: modules\[1\]: .*got a function/],
      ["nothing", () => wrong(Sequential, undefined), TypeError, "ERR_INVALID_TYPE", /^Sequential: modules\[0\]: .*got undefined/],
      ["a module without forward", () => wrong(Sequential, new Dropout(), new Dropout(), new WithoutForward()), TypeError, "ERR_INVALID_TYPE", /^Sequential: modules\[2\]: expected a Module with a method forward, got/],
      ["what only looks like a module", () => wrong(Sequential, { forward: (x: unknown) => x }), TypeError, "ERR_INVALID_TYPE", /^Sequential: modules\[0\]: /],
      ["widths that don't fit", refusedBy(() => new Sequential(new Linear(4, 3), new Linear(4, 3)), (model) => model.forward(shape(2, 4))), RangeError, "ERR_SHAPE", /^Linear\.forward: input: .*\[…, 4\].*got \[2, 3\]/],
      disposed("Sequential", () => new Sequential(new Dropout()), (model) => model.forward(shape(2, 4))),
    ],
    call: () => calledWith(new Sequential(new Embedding(5, 3), new Linear(3, 2)), (model) => model.forward([1, 2])),
    memory: {
      // One part that allocates: a second one's failure would leave the first to the collector.
      "Sequential.forward": () => resultOf(new Sequential(new Linear(32, 40), new Dropout()), (model) => model.forward(input)),
    },
    mixture: (n) => calledWith(new Sequential(new Linear(3, n), new Dropout()), (model) => model.forward(floats(n, 3))),
    bits: { none: "those of its modules" },
  },
  {
    name: "generateSquareSubsequentMask",
    family: "nn/generate-square-subsequent-mask",
    computes: "the causal mask of a sequence: -Infinity above the diagonal, else 0",
    error: "none",
    property: { suite: "nn/generate-square-subsequent-mask" },
    gradient: { none: "it has no operand" },
    refusals: [
      ["a negative length", () => generateSquareSubsequentMask(-1), RangeError, "ERR_INVALID_VALUE", /^generateSquareSubsequentMask: length: .*at least 0, got -1/],
      ["a fraction", () => generateSquareSubsequentMask(2.5), RangeError, "ERR_INVALID_VALUE", /length: .*got 2\.5/],
      ["a text", () => generateSquareSubsequentMask("4" as never), TypeError, "ERR_INVALID_TYPE", /length: .*got "4"/],
      ["more than fits", () => generateSquareSubsequentMask(2 ** 15), RangeError, "ERR_OUT_OF_MEMORY", /^generateSquareSubsequentMask: out of memory/],
      ["more than can be counted", () => generateSquareSubsequentMask(2 ** 40), RangeError, "ERR_SHAPE", /^generateSquareSubsequentMask: \[length, length\]/],
    ],
    call: () => [generateSquareSubsequentMask(4)],
    memory: { generateSquareSubsequentMask: () => [generateSquareSubsequentMask(60)] },
    mixture: (n) => [generateSquareSubsequentMask(n)],
    bits: { none: "it computes nothing" },
  },
];
