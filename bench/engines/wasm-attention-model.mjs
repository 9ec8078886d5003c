// The model of the training step, from this package's layers and operations.
import { add, embedding, layerNorm, Linear, Module, MultiheadAttention, parameter, Tensor } from "../../dist/index.js";

/** A parameter, whose content is loaded later. @param {number[]} shape */
const empty = (...shape) =>
  parameter(Tensor.from(new Float32Array(shape.reduce((product, size) => product * size)), shape));

class Norm extends Module {
  #epsilon;

  /** @param {number} width @param {number} epsilon */
  constructor(width, epsilon) {
    super();
    this.#epsilon = epsilon;
    this.weight = empty(width);
    this.bias = empty(width);
  }

  /** @param {Tensor} x */
  forward(x) {
    return layerNorm(x, this.weight.shape, this.weight, this.bias, this.#epsilon);
  }
}

class Layer extends Module {
  /** @param {import("../cases.mjs").TrainingCase} trainingCase */
  constructor({ width, heads, normEpsilon }) {
    super();
    this.norm1 = new Norm(width, normEpsilon);
    this.self_attn = new MultiheadAttention(width, heads, { batchFirst: true });
    this.norm2 = new Norm(width, normEpsilon);
    this.linear1 = new Linear(width, 4 * width, { activation: "gelu" });
    this.linear2 = new Linear(4 * width, width);
  }

  /** @param {Tensor} x */
  forward(x) {
    const normed = this.norm1.forward(x);
    const attended = add(x, this.self_attn.forward(normed, normed, normed, { isCausal: true }).output);
    return add(attended, this.linear2.forward(this.linear1.forward(this.norm2.forward(attended))));
  }
}

/** training-step.mjs says what it computes. */
export class LanguageModel extends Module {
  /** @param {import("../cases.mjs").TrainingCase} trainingCase */
  constructor(trainingCase) {
    super();
    const { layers, width, length, vocabulary, normEpsilon } = trainingCase;
    this.tokens = empty(vocabulary, width);
    this.positions = empty(length, width);
    this.layers = Array.from({ length: layers }, () => new Layer(trainingCase));
    this.norm = new Norm(width, normEpsilon);
    this.head = new Linear(width, vocabulary, { bias: false });
  }

  /** @param {Tensor<"int32">} tokens [B, L] */
  forward(tokens) {
    let x = add(embedding(tokens, this.tokens), this.positions);
    for (const layer of this.layers) x = layer.forward(x);
    return this.head.forward(this.norm.forward(x));
  }
}
