import { typeError } from "../errors.js";
import { dtypes } from "../wasm/interface.js";

/** The dtypes that kernels compute with, all of them in float32. */
export type FloatDType = keyof typeof dtypes;

/** What a tensor's elements are. */
export type DType = FloatDType | "int32" | "bool";

/** The typed array that carries a dtype's elements; 16-bit floats travel as their bits, on every host. */
export interface ArrayByDType {
  float32: Float32Array;
  float16: Uint16Array;
  bfloat16: Uint16Array;
  int32: Int32Array;
  bool: Uint8Array;
}

/** What an element is in JavaScript. */
export type ElementOf<D extends DType> = D extends "bool" ? boolean : number;

/** The bytes of an element. A bool is a byte, 0 or 1. */
export const bytesPerElement: Readonly<Record<DType, number>> = {
  float32: 4,
  float16: 2,
  bfloat16: 2,
  int32: 4,
  bool: 1,
};

/** Whether kernels compute with a dtype. */
export const isFloat = (dtype: DType): dtype is FloatDType => dtype in dtypes;

/** Whether a dtype is stored in 16 bits. */
export const isHalf = (dtype: DType): dtype is "float16" | "bfloat16" => bytesPerElement[dtype] === 2;

/** A dtype's name, or a TypeError. */
export function checkDType(operation: string, argument: string, value: unknown): DType {
  if (typeof value !== "string" || !Object.hasOwn(bytesPerElement, value)) {
    throw typeError(operation, argument, `one of ${Object.keys(bytesPerElement).join(", ")}`, value);
  }
  return value as DType;
}
