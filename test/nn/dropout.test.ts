/** Dropout, alone and in the layers that have one: its modes, its seeds, how often it drops, and its gradient. */
import { describe, expect, it } from "vitest";
import {
  Dropout,
  dropout,
  FeedForward,
  gelu,
  linear,
  manualSeed,
  PositionalEncoding,
  rand,
  type Tensor,
  Tensor as TensorClass,
} from "../../ts/entry/default.js";
import { noGrad } from "../../ts/entry/train.js";
import { drawSeed } from "../../ts/ops/random.js";
import { forEachArithmetic } from "../support/arithmetics.js";
import { leaf } from "../support/leaf.js";
import { withoutLeak } from "../support/without-leak.js";
