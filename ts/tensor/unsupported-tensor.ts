import type { Shape } from "./shape.js";

/**
 * A tensor of a file whose dtype this package doesn't compute with (float64, 64-bit integers, 8-bit floats …): it can be
 * listed, read as bytes and saved again. Every operation refuses it with a TypeError.
 */
export class UnsupportedTensor {
  /** The dtype by the file format's name, such as "I64". */
  readonly dtype: string;
  readonly shape: Shape;
  /** The elements, row-major and little-endian. */
  readonly bytes: Uint8Array;

  constructor(dtype: string, shape: Shape, bytes: Uint8Array) {
    this.dtype = dtype;
    this.shape = Object.freeze([...shape]);
    this.bytes = bytes;
    Object.freeze(this);
  }

  get [Symbol.toStringTag](): string {
    return "UnsupportedTensor";
  }

  /** Does nothing, as there is no WebAssembly memory to give back; so that it can be treated as a tensor's. */
  dispose(): void {}
}
