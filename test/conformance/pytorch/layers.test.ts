/** The simple layers against PyTorch's (SwiGLU: transformers'): state dicts, answers, gradients of inputs and parameters. */
import { expect, it } from "vitest";
import { Linear, type Module, type Tensor, type TensorData } from "../../../ts/entry/default.js";
import {
  Conv1d,
  Embedding,
  FeedForward,
  type FeedForwardActivation,
  LayerNorm,
  PositionalEncoding,
  RMSNorm,
  Sequential,
  type SequentialModule,
} from "../../../ts/entry/nn.js";
import { forEachArithmetic } from "../../support/arithmetics.js";
import { withoutLeak } from "../../support/without-leak.js";
import { expectGradients, operandsOf } from "../gradients.js";
import { type CaseRecord, expectAnswers, loadCases } from "../records.js";
import { loadState } from "./modules.js";

/** PyTorch's constructor arguments; those that a case leaves out are undefined. */
interface Arguments {
  readonly normalized_shape: number | number[];
  readonly eps?: number;
  readonly elementwise_affine?: boolean;
  readonly bias?: boolean;
  readonly num_embeddings: number;
  readonly embedding_dim: number;
  readonly padding_idx: number | null;
  readonly in_channels: number;
  readonly out_channels: number;
  readonly kernel_size: number;
  readonly stride?: number;
  readonly padding?: number;
  readonly dilation?: number;
  readonly groups?: number;
  readonly d_model: number;
  readonly dim_feedforward: number;
  readonly activation: FeedForwardActivation;
  readonly dropout: number;
  readonly type: "sinusoidal" | "learned";
  readonly max_length: number;
  readonly batch_first: boolean;
  readonly layers: readonly LayerOf[];
}

/** A class and its arguments; those of a Sequential are such lists. */
type LayerOf = readonly [name: string, ...args: unknown[]];

function sequentialOf(layers: readonly LayerOf[]): Sequential {
  const create: Readonly<Record<string, (...args: never[]) => SequentialModule>> = {
    Linear: (inFeatures: number, outFeatures: number, bias?: boolean) => new Linear(inFeatures, outFeatures, { bias }),
    Embedding: (numEmbeddings: number, embeddingDim: number) => new Embedding(numEmbeddings, embeddingDim),
    Conv1d: (inChannels: number, outChannels: number, kernelSize: number, padding: number) =>
      new Conv1d(inChannels, outChannels, kernelSize, { padding }),
    Sequential: (...inner: LayerOf[]) => sequentialOf(inner),
  };
  return new Sequential(...layers.map(([name, ...args]) => create[name](...(args as never[]))));
}

type Layer = Module & { forward(input: never, options?: object): Tensor };

const encodingOf = (own: Arguments): PositionalEncoding =>
  new PositionalEncoding(own.d_model, {
    type: own.type,
    maxLength: own.max_length,
    dropout: own.dropout,
    batchFirst: own.batch_first,
  });

/** Our layer for every operator of the records. */
const layers: Readonly<Record<string, (own: Arguments) => Layer>> = {
  LayerNorm: ({ normalized_shape, eps, elementwise_affine: elementwiseAffine, bias }) =>
    new LayerNorm(normalized_shape, { eps, elementwiseAffine, bias }),
  RMSNorm: ({ normalized_shape, eps, elementwise_affine: elementwiseAffine }) =>
    new RMSNorm(normalized_shape, { eps, elementwiseAffine }),
  Embedding: ({ num_embeddings, embedding_dim, padding_idx }) =>
    new Embedding(num_embeddings, embedding_dim, { paddingIdx: padding_idx ?? undefined }),
  Conv1d: ({ in_channels, out_channels, kernel_size, stride, padding, dilation, groups, bias }) =>
    new Conv1d(in_channels, out_channels, kernel_size, { stride, padding, dilation, groups, bias }),
  FeedForward: ({ d_model, dim_feedforward, activation, dropout, bias }) =>
    new FeedForward(d_model, dim_feedforward, { activation, dropout, bias }),
  PositionalEncoding: encodingOf,
  PositionalEncodingState: encodingOf,
  Sequential: ({ layers: parts }) => sequentialOf(parts),
};

/** The layer of the case's parameters, by `from` where it has them all at once. */
const given: Readonly<Record<string, (state: Readonly<Record<string, TensorData>>, own: Arguments) => Layer>> = {
  LayerNorm: ({ weight, bias }, { eps }) => LayerNorm.from(weight, bias, { eps }),
  RMSNorm: ({ weight }, { eps }) => RMSNorm.from(weight, { eps }),
  Embedding: ({ weight }, { padding_idx }) => Embedding.from(weight, { paddingIdx: padding_idx ?? undefined }),
  Conv1d: ({ weight, bias }, { stride, padding, dilation, groups }) =>
    Conv1d.from(weight, bias, { stride, padding, dilation, groups }),
  FeedForward: (state, { d_model, dim_feedforward, activation, dropout, bias }) =>
    FeedForward.from(state, d_model, dim_feedforward, { activation, dropout, bias }),
  PositionalEncoding: ({ weight }, { dropout, batch_first: batchFirst }) =>
    PositionalEncoding.from(weight, { dropout, batchFirst }),
};

const argumentsOf = ({ record }: CaseRecord): Arguments & { training: boolean } => record.module as never;

const copyOf = (layer: Layer): Record<string, TensorData> =>
  Object.fromEntries(
    Object.entries(layer.stateDict()).map(([name, tensor]) => [
      name,
      { data: tensor.toArray() as Float32Array, shape: tensor.shape },
    ]),
  );

function run(pytorch: CaseRecord): void {
  const { operator, attributes, state = [] } = pytorch.record;
  const { training, ...own } = argumentsOf(pytorch);
  const layer = layers[operator](own).train(training);
  try {
    if (operator === "PositionalEncodingState") {
      expectAnswers(pytorch, layer.stateDict());
      return;
    }
    expect(Object.keys(layer.stateDict())).toEqual(state);
    loadState(layer, pytorch);
    const operands = operandsOf(pytorch);
    const input = (operands.get("input") ?? operands.get("indices")) as never;
    const options = { positionIds: attributes["position_ids"] };
    const output = operator === "PositionalEncoding" ? layer.forward(input, options) : layer.forward(input);
    expectGradients(pytorch, operands, { output }, layer.namedParameters());

    const hasState = state.length > 0 && own.type !== "sinusoidal";
    if (!hasState || !(operator in given)) return;
    const second = given[operator](copyOf(layer), own).train(training);
    const again = operator === "PositionalEncoding" ? second.forward(input, options) : second.forward(input);
    expect(Object.keys(second.stateDict())).toEqual(state);
    expect(again.toArray()).toEqual(output.toArray());
    second.dispose();
  } finally {
    layer.dispose();
  }
}

forEachArithmetic(() => {
  const cases = loadCases("pytorch/layers");

  it("has 59 cases", () => expect(cases.length).toBe(59));

  // Not `it.each`, which cuts long names short: scripts/conformance-table.mjs reads them from the report.
  for (const pytorch of cases) {
    it(`layers: ${pytorch.name}`, () => withoutLeak(() => run(pytorch)));
  }
});
