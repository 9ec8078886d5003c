/** `fit` and `evaluate` against Keras: histories, the epoch in which training stops, the parameters at the end. */
import { it } from "vitest";
import { manualSeed, scope, Tensor } from "../../../ts/entry/default.js";
import { accuracy, crossEntropy, evaluate, fit } from "../../../ts/entry/train.js";
import { forEachArithmetic } from "../../support/arithmetics.js";
import { expectAnswers } from "../records.js";
import { runs } from "./runs.js";

/** Keras's names of a history, and ours. */
const NAMES = { loss: "loss", accuracy: "accuracy", val_loss: "valLoss", val_accuracy: "valAccuracy" };

forEachArithmetic(() => {
  for (const { record, attributes, data, validation, schedule, createModel, createOptimizer } of runs) {
    it(`keras: ${record.name}`, async () => {
      const model = createModel();
      const optimizer = createOptimizer(model);
      const stopping = attributes.early_stopping;
      // After the model has drawn its start.
      if (attributes.shuffle_seed !== null) manualSeed(attributes.shuffle_seed);
      const { history } = await fit(model, data, {
        loss: crossEntropy,
        optimizer,
        epochs: attributes.epochs,
        batchSize: attributes.batch_size,
        shuffle: attributes.shuffle_seed !== null,
        validation: validation ?? attributes.validation_split ?? undefined,
        metrics: { accuracy },
        schedule,
        clipNorm: attributes.global_clipnorm ?? undefined,
        earlyStopping:
          stopping === null
            ? undefined
            : {
                monitor: NAMES[stopping.monitor],
                minDelta: stopping.min_delta,
                patience: stopping.patience,
                restoreBestWeights: stopping.restore_best_weights,
              },
      });
      const judged = await evaluate(model, validation ?? data, {
        loss: crossEntropy,
        metrics: { accuracy },
        batchSize: attributes.evaluate_batch_size,
      });
      scope(() => {
        const results: Record<string, Tensor> = {
          evaluate_loss: Tensor.from(judged.loss),
          evaluate_accuracy: Tensor.from(judged.accuracy),
        };
        for (const [theirs, own] of Object.entries(NAMES)) {
          if (record.record.outputs.includes(theirs)) results[theirs] = Tensor.from(history[own]);
        }
        for (const [name, tensor] of Object.entries(model.stateDict())) results[`final.${name}`] = tensor;
        expectAnswers(record, results);
      });
      optimizer.dispose();
      model.dispose();
    });
  }
});
