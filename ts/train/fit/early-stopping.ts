// When a training ends early, and which weights it then has. The rules are those of Keras 3's `EarlyStopping`.
import { checkBoolean, checkChoice, checkInteger, checkNumber, checkOptions } from "../../arguments.js";
import { rangeError } from "../../errors.js";
import type { Module } from "../../nn/module.js";
import { overwrite } from "../../tensor/overwrite.js";
import { type Copies, copiesOf } from "./training-state.js";

/** Options of early stopping. */
export interface EarlyStoppingOptions {
  /** The figure of an epoch that is to become better, by its name in the history. Default: "valLoss". */
  monitor?: string;
  /** Whether less is better, or more. Default: "min". */
  mode?: "min" | "max";
  /** By how much a figure must be better, at least 0. Default: 0. */
  minDelta?: number;
  /** After so many epochs without a better one the training ends; 0 is the same as 1. Default: 0. */
  patience?: number;
  /** Give the model the weights of its best epoch at the end, also where nothing ended early. Default: false. */
  restoreBestWeights?: boolean;
}

/** How far early stopping has come, as JSON can hold it. */
export interface EarlyStoppingState {
  readonly best: number;
  /** The number of the best epoch; -1 before there is one. */
  readonly bestEpoch: number;
  /** Epochs that were not better, since. */
  readonly wait: number;
  /** The number of the last epoch; -1 before there is one. */
  readonly epoch: number;
}

/** Watches a figure over the epochs. */
export class EarlyStopping {
  readonly #monitor: string;
  readonly #sign: number;
  readonly #minDelta: number;
  readonly #patience: number;
  readonly #restores: boolean;
  #state: EarlyStoppingState = { best: Infinity, bestEpoch: -1, wait: 0, epoch: -1 };
  #best: Copies = new Map();

  /** `names` are those of the history. */
  constructor(operation: string, options: EarlyStoppingOptions, names: readonly string[]) {
    const given = checkOptions(`${operation}: earlyStopping`, options, [
      "monitor",
      "mode",
      "minDelta",
      "patience",
      "restoreBestWeights",
    ]);
    const { monitor = "valLoss", mode = "min", minDelta = 0, patience = 0, restoreBestWeights = false } = given;
    if (!names.includes(monitor)) {
      throw rangeError(operation, "earlyStopping.monitor", `one of ${names.join(", ")}`, monitor);
    }
    checkChoice(operation, "earlyStopping.mode", mode, ["min", "max"]);
    checkNumber(operation, "earlyStopping.minDelta", minDelta, 0);
    checkInteger(operation, "earlyStopping.patience", patience, 0);
    checkBoolean(operation, "earlyStopping.restoreBestWeights", restoreBestWeights);
    this.#monitor = monitor;
    this.#sign = mode === "min" ? 1 : -1;
    this.#minDelta = minDelta;
    this.#patience = Math.max(1, patience);
    this.#restores = restoreBestWeights;
  }

  /** Whether the training is to end: never after its first epoch. */
  get isDue(): boolean {
    return this.#state.wait >= this.#patience && this.#state.epoch > 0;
  }

  /** After an epoch. A NaN is never better. */
  watch(epoch: number, results: Readonly<Record<string, number>>, model: Module): void {
    const value = results[this.#monitor] * this.#sign;
    if (value < this.#state.best - this.#minDelta) {
      this.#state = { best: value, bestEpoch: epoch, wait: 0, epoch };
      if (this.#restores) this.#best = copiesOf(Object.entries(model.stateDict()));
    } else {
      this.#state = { ...this.#state, wait: this.#state.wait + 1, epoch };
      // As in Keras, whose first epoch is the best where no figure ever was.
      if (this.#restores && this.#best.size === 0) this.#best = copiesOf(Object.entries(model.stateDict()));
    }
  }

  /** At the end of the training. */
  restore(model: Module): void {
    const weights = model.stateDict();
    for (const [name, { data }] of this.#best) overwrite(weights[name], data);
  }

  save(): { readonly state: EarlyStoppingState; readonly best: Copies } {
    return { state: this.#state, best: this.#best };
  }

  load(state: EarlyStoppingState, best: Copies): void {
    this.#state = state;
    this.#best = best;
  }
}
