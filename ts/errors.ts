import { show } from "./show.js";

/** What went wrong, for programs. A code keeps its meaning; messages may change. */
export type ErrorCode =
  /** TypeError: the wrong kind of thing. */
  | "ERR_INVALID_TYPE"
  /** RangeError: the right kind of thing with a wrong value. */
  | "ERR_INVALID_VALUE"
  /** RangeError: a shape that doesn't fit. */
  | "ERR_SHAPE"
  /** RangeError: no memory for a tensor or for an operation; the runtime stays usable. */
  | "ERR_OUT_OF_MEMORY"
  /** TypeError: a tensor whose memory has been given back. */
  | "ERR_DISPOSED"
  /** TypeError: a tensor of another copy of this package. */
  | "ERR_FOREIGN_TENSOR"
  /** AttentionError: no `init` yet, or the runtime has been disposed. */
  | "ERR_NOT_INITIALIZED"
  /** AttentionError: `init` with options that contradict the runtime there is. */
  | "ERR_ALREADY_INITIALIZED"
  /** AttentionError: a kernel trapped; `init` makes a new runtime. */
  | "ERR_RUNTIME_FAILED"
  /** AttentionError: the host has no WebAssembly. */
  | "ERR_NO_WEBASSEMBLY"
  /** AttentionError: the host's WebAssembly has no SIMD. */
  | "ERR_NO_SIMD"
  /** AttentionError: the host doesn't fuse multiply and add, which the given module needs. */
  | "ERR_NO_FUSED_ARITHMETIC"
  /** AttentionError: a content security policy forbids WebAssembly. */
  | "ERR_BLOCKED_BY_CSP"
  /** AttentionError: the host compiles no WebAssembly from bytes. */
  | "ERR_CODE_GENERATION"
  /** AttentionError: the host can't unpack the module that comes with the package. */
  | "ERR_NO_DECOMPRESSION"
  /** AttentionError: not WebAssembly, or not a build of this package. */
  | "ERR_INVALID_MODULE"
  /** AttentionError: a build of another version of this package. */
  | "ERR_VERSION_MISMATCH"
  /** AttentionError: a safetensors file that is broken or that holds what we don't compute with. */
  | "ERR_SAFETENSORS"
  /** AttentionError: an adapter's files that are broken, of a kind that isn't computed here, or not for this model. */
  | "ERR_ADAPTER"
  /** AttentionError: a training state that is broken, of another version, or of another training. */
  | "ERR_TRAINING_STATE"
  /** AttentionError: a loss, or a gradient, that is NaN or infinite; the training has stopped. */
  | "ERR_NOT_FINITE";

/** What the host lacks or what became of the runtime. The caller's mistakes are TypeErrors and RangeErrors. */
export class AttentionError extends Error {
  override readonly name = "AttentionError";

  /**
   * Errors are made by this package.
   *
   * @param code What went wrong.
   * @param message The same for people.
   * @param options `cause`: what the engine threw.
   */
  constructor(
    readonly code: ErrorCode,
    message: string,
    options?: { cause?: unknown },
  ) {
    super(message, options);
  }
}

/** What an engine threw, as text. */
export const messageOf = (cause: unknown): string => (cause instanceof Error ? cause.message : String(cause));

/** A TypeError or RangeError with a code. */
export type Coded<E extends Error> = E & { readonly code: ErrorCode };

const withCode = <E extends Error>(error: E, code: ErrorCode): Coded<E> => Object.assign(error, { code });

/** A TypeError with a text of its own. */
export const codedTypeError = (code: ErrorCode, message: string): Coded<TypeError> =>
  withCode(new TypeError(message), code);

/** A RangeError with a text of its own. */
export const codedRangeError = (code: ErrorCode, message: string): Coded<RangeError> =>
  withCode(new RangeError(message), code);

/** What can't be used in this way or together with the other arguments, whatever its value. */
export const misuseError = (operation: string, argument: string, text: string): Coded<TypeError> =>
  codedTypeError("ERR_INVALID_TYPE", `${operation}: ${argument}: ${text}`);

const mismatch = (operation: string, argument: string, expected: string, value: unknown): string =>
  `${operation}: ${argument}: expected ${expected}, got ${show(value)}`;

/** The wrong kind of thing: which argument, what was expected, what came. */
export const typeError = (operation: string, argument: string, expected: string, value: unknown): Coded<TypeError> =>
  codedTypeError("ERR_INVALID_TYPE", mismatch(operation, argument, expected, value));

/** A wrong value of the right kind. */
export const rangeError = (operation: string, argument: string, expected: string, value: unknown): Coded<RangeError> =>
  codedRangeError("ERR_INVALID_VALUE", mismatch(operation, argument, expected, value));

/** A shape that doesn't fit. */
export const shapeError = (operation: string, argument: string, expected: string, shape: unknown): Coded<RangeError> =>
  codedRangeError("ERR_SHAPE", mismatch(operation, argument, expected, shape));

/** No memory. */
export const outOfMemoryError = (message: string): Coded<RangeError> => codedRangeError("ERR_OUT_OF_MEMORY", message);
