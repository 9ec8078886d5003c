/** Fifty training steps of three models: the loss of each step is PyTorch's. */
import { expect, it } from "vitest";
import { memoryUsage, scope, Tensor } from "../../../ts/entry/default.js";
import { forEachArithmetic } from "../../support/arithmetics.js";
import { expectAnswers } from "../records.js";
import { trainingRuns } from "./training-runs.js";

forEachArithmetic(() => {
  for (const { name, run, losses } of trainingRuns) {
    it(`${name}: ${run.name}`, () => {
      const before = memoryUsage().bytesInUse;
      const loss = losses();
      expect(memoryUsage().bytesInUse).toBe(before);
      scope(() => expectAnswers(run, { loss: Tensor.from(loss) }));
    });
  }
});
