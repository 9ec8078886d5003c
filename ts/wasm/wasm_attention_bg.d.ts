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

/**
 * Converts `length` elements between the float dtypes (0 float32, 1 float16, 2 bfloat16).
 */
export function convert(output: number, output_dtype: number, input: number, input_dtype: number, length: number): number;

/**
 * output `[count, columns]` = rows of table `[rows, columns]` by int32 indices.
 */
export function embedding(output: number, table: number, indices: number, count: number, rows: number, columns: number): number;

/**
 * Gives a block back.
 */
export function free(pointer: number): void;

/**
 * GELU; `approximate` is 0 for the exact one, 1 for tanh's approximation.
 */
export function gelu(output: number, input: number, length: number, approximate: number): number;

/**
 * Layer norm over the columns of `[rows, columns]`.
 */
export function layer_norm(output: number, input: number, optional_weight: number, optional_bias: number, rows: number, columns: number, epsilon: number): number;

/**
 * output `[rows, out_features]` = activation(input `[rows, in_features]` · weightᵀ + bias); `activation` is an
 * `Activation`'s number.
 */
export function linear(output: number, input: number, packed: number, optional_bias: number, scratch: number, rows: number, in_features: number, out_features: number, activation: number): number;

/**
 * Packs weights for `linear`.
 */
export function linear_pack(packed: number, weight: number, in_features: number, out_features: number): number;

/**
 * Elements of the packed form of weights `[out_features, in_features]`; 2^32 − 1 when that overflows.
 */
export function linear_packed_length(in_features: number, out_features: number): number;

/**
 * Elements of scratch memory that `linear` needs; 2^32 − 1 when that overflows. For 0, any pointer will do.
 */
export function linear_scratch_length(rows: number, in_features: number): number;

/**
 * a·b + c as the kernels compute it: shows whether the host really fuses.
 */
export function multiply_add(a: number, b: number, c: number): number;

/**
 * Elements `offset` to `offset + length` of the seed's normal stream.
 */
export function random_normal(output: number, length: number, mean: number, deviation: number, seed_low: number, seed_high: number, offset_low: number, offset_high: number): number;

/**
 * Elements `offset` to `offset + length` of the seed's uniform stream in [low, high).
 */
export function random_uniform(output: number, length: number, low: number, high: number, seed_low: number, seed_high: number, offset_low: number, offset_high: number): number;

/**
 * ReLU.
 */
export function relu(output: number, input: number, length: number): number;

/**
 * RMS norm over the columns of `[rows, columns]`.
 */
export function rms_norm(output: number, input: number, optional_weight: number, rows: number, columns: number, epsilon: number): number;

/**
 * By what YaRN multiplies cosines and sines.
 */
export function rotary_attention_factor(factor: number, mscale: number, mscale_all_dim: number): number;

/**
 * Rotary embedding of heads at `batch_stride`, `sequence_stride` and `head_stride`, the same in output and input;
 * cosine, sine: `[table_rows, rotary_size / 2]`; position ids: int32 `[sequence]` for each batch, `position_stride` apart.
 */
export function rotary_embedding(output: number, input: number, cosine: number, sine: number, optional_position_ids: number, batch: number, sequence: number, heads: number, head_size: number, rotary_size: number, table_rows: number, interleaved: number, batch_stride: number, sequence_stride: number, head_stride: number, position_stride: number): number;

/**
 * frequencies: float64 `[pairs]`, for a sequence of `length`; `kind` is that of a `RopeScaling`, whose fields follow.
 */
export function rotary_frequencies(frequencies: number, pairs: number, base: number, length: number, kind: number, first: number, second: number, third: number, fourth: number, fifth: number): number;

/**
 * cosine, sine `[rows, pairs]` of position · frequency, times the attention factor; frequencies: float64 `[pairs]`; the
 * positions: int32 `[rows]`, or `first_position` and those that follow.
 */
export function rotary_tables(cosine: number, sine: number, frequencies: number, optional_position_ids: number, first_position: number, rows: number, pairs: number, attention_factor: number): number;

/**
 * The memory never grows beyond `pages`.
 */
export function set_memory_limit(pages: number): void;

/**
 * SiLU.
 */
export function silu(output: number, input: number, length: number): number;

/**
 * output `[rows, columns]` = sines and cosines of positions.
 */
export function sinusoidal_positions(output: number, rows: number, columns: number): number;

/**
 * Softmax over the columns of `[rows, columns]`.
 */
export function softmax(output: number, input: number, rows: number, columns: number): number;

export function __wbg_set_wasm(exports: object | undefined): void;
