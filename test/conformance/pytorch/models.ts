/** The models of the training runs, as gpt_run.py, encoder_decoder_run.py and sequential_run.py have them. */
import {
  add,
  embedding,
  gelu,
  layerNorm,
  Linear,
  linear,
  Module,
  MultiheadAttention,
  narrow,
  parameter,
  relu,
  Tensor,
  type TensorData,
  type TensorLike,
  transpose,
} from "../../../ts/entry/default.js";
import {
  Conv1d,
  Embedding,
  FeedForward,
  LayerNorm,
  PositionalEncoding,
  RMSNorm,
  Sequential,
} from "../../../ts/entry/nn.js";
import { crossEntropy } from "../../../ts/entry/train.js";

/** Numbers of a record: `layers`, `width`, `heads` and others. */
export type Sizes = Readonly<Record<string, number>>;

/** Integers `[batch, length]`. */
export interface Tokens {
  readonly data: Int32Array;
  readonly shape: readonly [batch: number, length: number];
}

/** A model that gives the loss of a batch, by the name of its tensors. */
export abstract class TrainedModel extends Module {
  abstract loss(batch: Readonly<Record<string, Tokens>>): Tensor;
}

const zeros = (...shape: number[]): Tensor<"float32"> =>
  parameter(Tensor.from(new Float32Array(shape.reduce((product, size) => product * size, 1)), shape));

const repeat = <T>(count: number, create: () => T): T[] => Array.from({ length: count }, create);

/** The columns from `start` on, without the last `omitted`. */
function columns({ data, shape: [batch, length] }: Tokens, start: number, omitted: number): Tokens {
  const kept = length - start - omitted;
  const rows = Array.from({ length: batch }, (_, row) =>
    data.subarray(row * length + start, row * length + start + kept),
  );
  return { data: Int32Array.from(rows.flatMap((row) => [...row])), shape: [batch, kept] };
}

/** True where a token is padding. */
const paddingOf = ({ data, shape }: Tokens): TensorData => ({
  data: Uint8Array.from(data, (token) => Number(token === PADDING)),
  shape,
});

const PADDING = 0;

class Norm extends Module {
  weight: Tensor;
  bias: Tensor;

  constructor(width: number) {
    super();
    this.weight = zeros(width);
    this.bias = zeros(width);
  }

  forward(x: Tensor): Tensor {
    return layerNorm(x, this.weight.shape, this.weight, this.bias);
  }
}

class LanguageModelLayer extends Module {
  norm1: Norm;
  attention: MultiheadAttention;
  norm2: Norm;
  linear1: Linear;
  linear2: Linear;

  constructor(width: number, heads: number) {
    super();
    this.norm1 = new Norm(width);
    this.attention = new MultiheadAttention(width, heads, { batchFirst: true });
    this.norm2 = new Norm(width);
    this.linear1 = new Linear(width, 4 * width);
    this.linear2 = new Linear(4 * width, width);
  }

  forward(x: Tensor): Tensor {
    const normalized = this.norm1.forward(x);
    const attended = add(x, this.attention.forward(normalized, normalized, normalized, { isCausal: true }).output);
    return add(attended, this.linear2.forward(gelu(this.linear1.forward(this.norm2.forward(attended)))));
  }
}

/** Pre-norm, with learned positions and a head that is tied to the embedding. */
export class LanguageModel extends TrainedModel {
  token_embedding: Tensor;
  position_embedding: Tensor;
  layers: LanguageModelLayer[];
  norm: Norm;

  constructor({ layers, width, heads, vocabulary, length }: Sizes) {
    super();
    this.token_embedding = zeros(vocabulary, width);
    this.position_embedding = zeros(length, width);
    this.layers = repeat(layers, () => new LanguageModelLayer(width, heads));
    this.norm = new Norm(width);
  }

  override loss({ tokens }: Readonly<Record<string, Tokens>>): Tensor {
    let x: Tensor = add(embedding(columns(tokens, 0, 1), this.token_embedding), this.position_embedding);
    for (const layer of this.layers) x = layer.forward(x);
    return crossEntropy(linear(this.norm.forward(x), this.token_embedding), columns(tokens, 1, 0));
  }
}

class EncoderLayer extends Module {
  self_attention: MultiheadAttention;
  norm1: Norm;
  linear1: Linear;
  linear2: Linear;
  norm2: Norm;

  constructor(width: number, heads: number, feedforward: number) {
    super();
    this.self_attention = new MultiheadAttention(width, heads, { batchFirst: true });
    this.norm1 = new Norm(width);
    this.linear1 = new Linear(width, feedforward);
    this.linear2 = new Linear(feedforward, width);
    this.norm2 = new Norm(width);
  }

  forward(x: Tensor, keyPaddingMask: TensorData): Tensor {
    const attended = this.norm1.forward(add(x, this.self_attention.forward(x, x, x, { keyPaddingMask }).output));
    return this.norm2.forward(add(attended, this.linear2.forward(relu(this.linear1.forward(attended)))));
  }
}

class DecoderLayer extends Module {
  self_attention: MultiheadAttention;
  norm1: Norm;
  cross_attention: MultiheadAttention;
  norm2: Norm;
  linear1: Linear;
  linear2: Linear;
  norm3: Norm;

  constructor(width: number, heads: number, feedforward: number) {
    super();
    this.self_attention = new MultiheadAttention(width, heads, { batchFirst: true });
    this.norm1 = new Norm(width);
    this.cross_attention = new MultiheadAttention(width, heads, { batchFirst: true });
    this.norm2 = new Norm(width);
    this.linear1 = new Linear(width, feedforward);
    this.linear2 = new Linear(feedforward, width);
    this.norm3 = new Norm(width);
  }

  forward(x: Tensor, keyPaddingMask: TensorData, memory: Tensor, memoryPadding: TensorData): Tensor {
    const own = this.self_attention.forward(x, x, x, { isCausal: true, keyPaddingMask }).output;
    const first = this.norm1.forward(add(x, own));
    const crossed = this.cross_attention.forward(first, memory, memory, { keyPaddingMask: memoryPadding }).output;
    const second = this.norm2.forward(add(first, crossed));
    return this.norm3.forward(add(second, this.linear2.forward(relu(this.linear1.forward(second)))));
  }
}

/** Post-norm, on padded sequences. */
export class Translator extends TrainedModel {
  token_embedding: Tensor;
  position_embedding: Tensor;
  encoder: EncoderLayer[];
  decoder: DecoderLayer[];
  head: Linear;

  constructor({ layers, width, heads, feedforward, vocabulary, source_length }: Sizes) {
    super();
    this.token_embedding = zeros(vocabulary, width);
    this.position_embedding = zeros(source_length, width);
    this.encoder = repeat(layers, () => new EncoderLayer(width, heads, feedforward));
    this.decoder = repeat(layers, () => new DecoderLayer(width, heads, feedforward));
    this.head = new Linear(width, vocabulary);
  }

  #embed(tokens: Tokens): Tensor {
    const embedded = embedding(tokens, this.token_embedding, { paddingIdx: PADDING });
    return add(embedded, narrow(this.position_embedding, 0, 0, tokens.shape[1]));
  }

  override loss({ source, target }: Readonly<Record<string, Tokens>>): Tensor {
    const sourcePadding = paddingOf(source);
    let memory = this.#embed(source);
    for (const layer of this.encoder) memory = layer.forward(memory, sourcePadding);
    const inputs = columns(target, 0, 1);
    let x = this.#embed(inputs);
    for (const layer of this.decoder) x = layer.forward(x, paddingOf(inputs), memory, sourcePadding);
    return crossEntropy(this.head.forward(x), columns(target, 1, 0), { ignoreIndex: PADDING });
  }
}

/** From [B, L, E] to [B, E, L], or back. */
class Transposition extends Module {
  forward(x: TensorLike): Tensor {
    return transpose(x, 1, 2);
  }
}

/** All simple layers, one after the other. */
export class Classifier extends TrainedModel {
  layers: Sequential;

  constructor({ width, hidden, kernel, vocabulary, classes, length }: Sizes) {
    super();
    this.layers = new Sequential(
      new Embedding(vocabulary, width, { paddingIdx: PADDING }),
      new PositionalEncoding(width, { type: "learned", maxLength: length, batchFirst: true }),
      new Transposition(),
      new Conv1d(width, width, kernel, { padding: Math.floor(kernel / 2), groups: 2 }),
      new Transposition(),
      new LayerNorm(width),
      new Sequential(new FeedForward(width, hidden, { activation: "gelu" }), new RMSNorm(width)),
      new FeedForward(width, hidden, { activation: "swiglu" }),
      new Linear(width, classes),
    );
  }

  override loss({ tokens, targets }: Readonly<Record<string, Tokens>>): Tensor {
    return crossEntropy(this.layers.forward(tokens), targets);
  }
}
