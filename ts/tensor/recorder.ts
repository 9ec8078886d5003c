// What a tape (ts/train, which installs itself) is told of operations. Without one nothing is recorded.
import { misuseError } from "../errors.js";
import type { DType } from "./dtype.js";
import type { Shape } from "./shape.js";
import type { Source } from "./source.js";
import type { Tensor } from "./tensor.js";

/** An input of an operation, checked: a tensor, or the content of one, which is a constant. */
export interface RecordedInput {
  readonly argument: string;
  readonly shape: Shape;
  readonly dtype: DType;
  readonly content: Tensor | Source;
}

/** What computed a tensor, for the backward pass. Its results own it. */
export interface Origin {
  release(): void;
}

/** What a tensor is to differentiation. */
export class Track {
  /** The sum of the gradients so far, which ends with the tensor. */
  grad: Tensor<"float32"> | null = null;
  /** Whether a tensor that is no leaf keeps its gradient. */
  retainsGrad = false;

  constructor(
    public requiresGrad: boolean,
    /** Of the tensor. */
    readonly shape: Shape,
    /** Undefined for a leaf. */
    readonly origin?: Origin,
    /** Which of the origin's results the tensor is. */
    readonly index = 0,
  ) {}

  zeroGrad(): void {
    this.grad?.dispose();
    this.grad = null;
  }

  /** The tensor has been disposed. */
  release(): void {
    this.zeroGrad();
    this.requiresGrad = false;
    this.retainsGrad = false;
    this.origin?.release();
  }
}

/** Options of `backward`. */
export interface BackwardOptions {
  /** Keep what the graph has saved, for a further `backward`. Default: false. */
  retainGraph?: boolean;
}

/** A tape. */
export interface Recorder {
  /** Whether a call with these inputs is recorded now: a tensor among them requires gradients. */
  records(inputs: readonly (RecordedInput | undefined)[]): boolean;
  /** Tells of a call that `records` accepted, and by which rule its outputs are differentiated. */
  record(
    rule: string,
    inputs: readonly (RecordedInput | undefined)[],
    outputs: readonly Tensor[],
    details: unknown,
  ): void;
  backward(
    operation: string,
    outputs: readonly Tensor[],
    gradients: readonly (Tensor | undefined)[],
    options: BackwardOptions | undefined,
  ): void;
}

let recorder: Recorder | undefined;

/** Makes a tape the one that is told. */
export function installRecorder(tape: Recorder): void {
  recorder = tape;
}

/** The tape. Throws a TypeError where none has been imported. */
export function requireRecorder(operation: string): Recorder {
  if (recorder !== undefined) return recorder;
  throw misuseError(operation, "this", 'learning is a part of its own: import "wasm-attention/train" first');
}

/** Whether a call with these inputs is recorded. */
export const records = (inputs: readonly (RecordedInput | undefined)[]): boolean =>
  recorder !== undefined && recorder.records(inputs);

/** Tells the tape, if there is one, what an operation has computed, and by which rule that is differentiated. */
export function record(
  rule: string,
  inputs: readonly (RecordedInput | undefined)[],
  outputs: readonly Tensor[],
  details: unknown,
): void {
  if (recorder !== undefined && recorder.records(inputs)) recorder.record(rule, inputs, outputs, details);
}
