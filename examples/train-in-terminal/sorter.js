import { Module, scope } from "wasm-attention";
import { Embedding, Linear, PositionalEncoding, TransformerEncoder } from "wasm-attention/nn";

const WIDTH = 32;
const DIGITS = 10;

/** A transformer that says for each place of a row of digits which one belongs there. */
export class Sorter extends Module {
  embedding = new Embedding(DIGITS, WIDTH);
  positions = new PositionalEncoding(WIDTH, { type: "learned", maxLength: 8, batchFirst: true });
  encoder = new TransformerEncoder(WIDTH, 4, { numLayers: 2, dimFeedforward: 64, dropout: 0, batchFirst: true });
  head = new Linear(WIDTH, DIGITS);

  /**
   * Logits [B, L, 10], of ids [B, L].
   * @param {import("wasm-attention").TensorLike} ids
   */
  forward(ids) {
    return scope(() => this.head.forward(this.encoder.forward(this.positions.forward(this.embedding.forward(ids)))));
  }
}
