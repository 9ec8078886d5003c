// The model: 18 thousand parameters in two layers, each of which has two heads.
import { DIGITS, LENGTH } from "./task.js";
import { Embedding, Linear, Module, PositionalEncoding, TransformerEncoder } from "./wasm-attention.js";

const WIDTH = 32;
const HEADS = 2;

/** Digits `[B, L]` become logits `[B, L, 10]`: which digit stands at each place of the answer. */
export class ReversingTransformer extends Module {
  embedding = new Embedding(DIGITS, WIDTH);
  position = new PositionalEncoding(WIDTH, { maxLength: LENGTH, batchFirst: true });
  encoder = new TransformerEncoder(WIDTH, HEADS, {
    numLayers: 2,
    dimFeedforward: 2 * WIDTH,
    dropout: 0,
    batchFirst: true,
  });
  output = new Linear(WIDTH, DIGITS);

  /** @param {Parameters<Embedding["forward"]>[0]} digits */
  forward(digits) {
    const vectors = this.position.forward(this.embedding.forward(digits));
    return this.output.forward(this.encoder.forward(vectors));
  }
}
