/** What a record of an operation holds (test/cases/operations.ts has them all), and what the records share. */
import type fc from "fast-check";
import type { AttentionError, ErrorCode, Tensor, TensorData } from "../../ts/entry/default.js";
import type { FloatType } from "../oracle/half.js";
import { count } from "./layer-operands.js";
import type { ErrorBound } from "./error-bound.js";
import type { OperationGradient } from "./gradient.js";
import type { BitsCase, BitsInputs } from "./bits.js";

/** A drawn call, and what the oracle says of its result. */
export interface Trial {
  readonly run: () => Tensor;
  readonly dtype: FloatType;
  readonly shape: readonly number[];
  readonly expected: Float64Array;
  /** How far off an element may be before it is rounded to the dtype. */
  readonly tolerance: (index: number) => number;
}

/** A call that must be refused: what is wrong, the call, and its error. */
export type Refusal = readonly [
  title: string,
  call: () => unknown,
  kind: typeof TypeError | typeof RangeError | typeof AttentionError,
  code: ErrorCode,
  message: RegExp,
];

export interface Disposable {
  dispose(): void;
}

/** A call of a usual size, for the benchmark. */
export interface TypicalCall {
  readonly size: string;
  readonly run: () => Tensor;
  /** What it reads and writes. */
  readonly bytes: number;
}

/** An operation of the package: from its record follow its tests. */
export interface OperationRecord {
  /** Of the export. */
  readonly name: string;
  /** Of its files in all layers: `ts/ops/activation.ts`, `crate/src/activation.rs`. A layer's is `nn/…`, a file's `io/…`. */
  readonly family: string;
  /** In one line, as docs/operations.md has it. */
  readonly computes: string;
  /** How far off results of float32 may be: a bound by the name of each form, or words. */
  readonly error: Readonly<Record<string, ErrorBound>> | string;
  /** Calls with the oracle's results; or the test file, relative to test/, that has such a property in a form of its own. */
  readonly property: { readonly trials: fc.Arbitrary<Trial>; readonly numRuns: number } | { readonly suite: string };
  /** Calls to be differentiated; or the test file that does it in a form of its own; or why there is no gradient. */
  readonly gradient: OperationGradient;
  /** Wrong calls; or the test file that has them. */
  readonly refusals: readonly Refusal[] | { readonly suite: string };
  /** A call that works, beside those. Gives what is left to dispose. */
  readonly call: () => readonly Disposable[];
  /** Calls that need more memory than their results take, by what they try. */
  readonly memory: Readonly<Record<string, () => readonly Disposable[]>>;
  /** Calls of sizes that vary with `n`, of which some may be refused, as parts of a mixture. */
  readonly mixture: (n: number) => readonly Disposable[];
  /** What `npm run bench:operations` times, on operands in the open scope. The benchmark has attention and linear layers itself. */
  readonly typical?: () => TypicalCall;
  /** Calls whose bits are the same on every host; or why the operation has none of its own. */
  readonly bits:
    | { readonly cases: readonly BitsCase[]; readonly run: (test: BitsCase, inputs: BitsInputs) => readonly Tensor[] }
    | { readonly none: string };
}

/** Small whole numbers of these sizes. */
export const floats = (...shape: number[]): TensorData & { data: Float32Array; shape: number[] } => ({
  data: Float32Array.from({ length: count(shape) }, (_, n) => (n % 7) - 3),
  shape,
});

/** Refused by every operation with a float operand, which is called with `call`. */
export const wrongDTypes = (
  operation: string,
  argument: string,
  call: (operand: TensorData) => unknown,
): readonly Refusal[] => [
  [
    `an int32 ${argument}`,
    () => call({ data: new Int32Array(12), shape: [3, 4] }),
    TypeError,
    "ERR_INVALID_TYPE",
    new RegExp(`^${operation}: ${argument}: .*"int32"`),
  ],
  [
    `a bool ${argument}`,
    () => call({ data: new Uint8Array(12), shape: [3, 4] }),
    TypeError,
    "ERR_INVALID_TYPE",
    new RegExp(`^${operation}: ${argument}: .*"bool"`),
  ],
  [
    `a float64 ${argument}`,
    () => call({ data: new Float64Array(12), shape: [3, 4] } as never),
    TypeError,
    "ERR_INVALID_TYPE",
    new RegExp(`^${operation}: ${argument}\\.data: .*Float64Array`),
  ],
];
