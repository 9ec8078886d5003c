/* tslint:disable */
/* eslint-disable */

/**
 * The number of this interface.
 */
export function abi_version(): number;

/**
 * A 16-byte aligned block, or 0 when there is no memory for it.
 */
export function allocate(bytes: number): number;

/**
 * The arithmetic of this build: 0 separate, 1 fused.
 */
export function arithmetic(): number;

/**
 * Scaled dot-product attention over the parameter block at `parameters`.
 */
export function attention_forward(parameters: number): number;

/**
 * Bytes of working memory that `attention_forward` needs for these parameters; u32::MAX when the sizes overflow or the
 * parameters are invalid. `scratch` and the outputs' pointers may still be 0.
 */
export function attention_scratch_bytes(parameters: number): number;

/**
 * Bytes in allocated blocks.
 */
export function bytes_in_use(): number;

/**
 * The most that `bytes_in_use` has been.
 */
export function bytes_peak(): number;

export function convert(output: number, output_dtype: number, input: number, input_dtype: number, length: number): number;

/**
 * Gives a block back.
 */
export function free(pointer: number): void;

/**
 * a·b + c as the kernels compute it: shows whether the host really fuses.
 */
export function multiply_add(a: number, b: number, c: number): number;

/**
 * The memory never grows beyond `pages`.
 */
export function set_memory_limit(pages: number): void;

export function __wbg_set_wasm(exports: object | undefined): void;
