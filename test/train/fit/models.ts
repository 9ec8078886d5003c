/** A small classifier of sequences, with dropout, and data for it. */
import { Linear, maskedMean, Module, scope, type Tensor } from "../../../ts/entry/default.js";
import { Dropout, Embedding } from "../../../ts/entry/nn.js";
import type { Samples } from "../../../ts/entry/train.js";

export class Classifier extends Module {
  embedding = new Embedding(12, 8);
  dropout = new Dropout(0.25);
  head = new Linear(8, 3);

  forward(ids: Tensor, { mask }: { mask: Tensor }): Tensor {
    return scope(() => {
      const vectors = this.dropout.forward(this.embedding.forward(ids));
      return this.head.forward(maskedMean(vectors, mask));
    });
  }
}

/** Sequences of 2 to 6 tokens, whose class is that of the sum of their tokens. */
export function sequences(count: number): Samples & { inputs: number[][]; targets: number[] } {
  const inputs = Array.from({ length: count }, (_, n) =>
    Array.from({ length: 2 + ((n * 3) % 5) }, (_, at) => (n * 7 + at * at * 3 + 1) % 12),
  );
  return { inputs, targets: inputs.map((tokens) => tokens.reduce((a, b) => a + b, 0) % 3) };
}
