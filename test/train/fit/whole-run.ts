/** A training by `fit` with all that it has, of a transformer: whether hosts agree on its bits is for the matrix to say. */
import { logicalNot, manualSeed, maskedMean, Module, scope, type Tensor } from "../../../ts/entry/default.js";
import { Embedding, Linear, PositionalEncoding, TransformerEncoder } from "../../../ts/entry/nn.js";
import {
  accuracy,
  AdamW,
  cosineSchedule,
  crossEntropy,
  ExponentialMovingAverage,
  fit,
  perplexity,
} from "../../../ts/entry/train.js";
import { sequences } from "./models.js";

class Classifier extends Module {
  embedding = new Embedding(12, 16);
  positions = new PositionalEncoding(16, { batchFirst: true, dropout: 0.1 });
  encoder = new TransformerEncoder(16, 2, { numLayers: 2, dimFeedforward: 32, dropout: 0.1, batchFirst: true });
  head = new Linear(16, 3);

  forward(ids: Tensor, { mask }: { mask: Tensor }): Tensor {
    return scope(() => {
      const embedded = this.positions.forward(this.embedding.forward(ids));
      const encoded = this.encoder.forward(embedded, { keyPaddingMask: logicalNot(mask) });
      return this.head.forward(maskedMean(encoded, mask));
    });
  }
}

/** The history and the parameters at the end: shuffled, padded, with dropout, clipped, averaged, validated. */
export async function wholeRun(): Promise<Float64Array> {
  manualSeed(21);
  const model = new Classifier();
  const optimizer = new AdamW(model.parameters(), { lr: 0.01 });
  const ema = new ExponentialMovingAverage(model.parameters(), { decay: 0.9 });
  const { history } = await fit(model, sequences(100), {
    ...{ loss: crossEntropy, optimizer, ema, epochs: 4, batchSize: 8, accumulate: 2, clipNorm: 1, validation: 0.2 },
    schedule: cosineSchedule({ warmupSteps: 4, totalSteps: 20 }),
    metrics: { accuracy, perplexity },
    earlyStopping: { patience: 3, restoreBestWeights: true },
  });
  const parameters = model.parameters().flatMap((parameter) => Array.from(parameter.toArray()));
  for (const thing of [model, optimizer, ema]) thing.dispose();
  return Float64Array.from([...Object.values(history).flat(), ...parameters]);
}
