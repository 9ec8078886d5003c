/* tslint:disable */
/* eslint-disable */

/**
 * `sums[i] += addends[i]`.
 */
export function accumulate(sums: number, addends: number, length: number): void;

/**
 * `output[i]` = the `Activation` of `input[i]`.
 */
export function activation(output: number, input: number, length: number, activation: number): void;

/**
 * `gradient[i]` = `output_gradient[i]` · the derivative of the `Activation` at `input[i]`; of relu the output will do.
 */
export function activation_backward(gradient: number, output_gradient: number, input: number, length: number, activation: number): void;

/**
 * A step of Adam or AdamW over the argument block at `arguments`.
 */
export function adam(_arguments: number): void;

/**
 * output = a + b, broadcast on the axes at `axes`: the words size, stride in a, stride in b of each, the fastest first.
 */
export function add(output: number, a: number, b: number, axes: number, axis_count: number): void;

/**
 * A 16-byte aligned block, or 0 when there is no memory for it.
 */
export function allocate(bytes: number): number;

/**
 * output `[batch, length + extra_length, columns]` = rows `[batch, length, columns]`, in every batch followed by the same
 * extra ones `[extra_length, columns]`; or, where `is_batch_first` is 0, `[length + extra_length, batch, columns]` of `[length,
 * batch, columns]`. float32.
 */
export function append_rows(output: number, rows: number, extra: number, batch: number, length: number, extra_length: number, columns: number, is_batch_first: number): void;

/**
 * The `Arithmetic` of this build.
 */
export function arithmetic(): number;

/**
 * The gradients of attention, over the argument block of the forward call, of which it reads what describes the inputs, and one
 * of its own.
 */
export function attention_backward(_arguments: number, backward_arguments: number): void;

/**
 * Bytes of working memory that `attention_backward` needs for these arguments; `OVERFLOW` when the sizes overflow.
 * `scratch` may still be 0.
 */
export function attention_backward_scratch_bytes(_arguments: number, backward_arguments: number): number;

/**
 * Scaled dot-product attention over the argument block at `arguments`.
 */
export function attention_forward(_arguments: number): void;

/**
 * Bytes of working memory that `attention_forward` needs for these arguments; `OVERFLOW` when the sizes overflow.
 * `scratch` and the outputs' pointers may still be 0.
 */
export function attention_scratch_bytes(_arguments: number): number;

/**
 * averages = decay · averages + share · parameter.
 */
export function average(averages: number, parameter: number, length: number, decay: number, share: number): void;

/**
 * Elements of scratch memory for `arrays` of `[outer, length, inner]`, the output among them; `OVERFLOW` when that
 * overflows. For 0, any pointer will do.
 */
export function axis_scratch_length(arrays: number, length: number, inner: number): number;

/**
 * losses `[length]`; so are the logits, the targets and the weights.
 */
export function binary_cross_entropy(losses: number, logits: number, targets: number, optional_weight: number, optional_positive_weight: number, length: number): void;

/**
 * The gradient at the logits.
 */
export function binary_cross_entropy_backward(gradient: number, logits: number, targets: number, optional_weight: number, optional_positive_weight: number, gradient_factors: number, factor_count: number, length: number): void;

/**
 * Bytes in allocated blocks.
 */
export function bytes_in_use(): number;

/**
 * The most that `bytes_in_use` has been.
 */
export function bytes_peak(): number;

/**
 * Moves every value into [low, high], in place; NaN stays.
 */
export function clamp(values: number, length: number, low: number, high: number): void;

/**
 * Takes a mask, of which a row's `keys` are contiguous, into the combined one; strides of 0 repeat.
 */
export function combine_mask(combined: number, mask: number, batch: number, heads: number, rows: number, keys: number, columns: number, batch_stride: number, head_stride: number, row_stride: number, combined_dtype: number, mask_dtype: number): void;

/**
 * Convolution over the argument block at `arguments`.
 */
export function conv1d(_arguments: number): void;

/**
 * The gradients of a convolution that the argument block at `arguments` asks for.
 */
export function conv1d_backward(_arguments: number): void;

/**
 * Elements of scratch memory that a call of the argument block at `arguments` needs; `OVERFLOW` when that overflows.
 */
export function conv1d_scratch_length(_arguments: number): number;

/**
 * Converts `length` elements between two `Dtype`s.
 */
export function convert(output: number, input: number, length: number, output_dtype: number, input_dtype: number): void;

/**
 * Copies `rows` rows of `length` bytes, which begin so many bytes after each other.
 */
export function copy_rows(output: number, input: number, rows: number, length: number, output_stride: number, input_stride: number): void;

/**
 * `result`, a float64, = cos(angle), for |angle| ≤ 2^31.
 */
export function cosine(result: number, angle: number): void;

/**
 * losses `[rows]` of logits `[rows, columns]`, which are multiplied with `scale`; targets: int32 `[rows]`, or probabilities `[rows, columns]`.
 */
export function cross_entropy(losses: number, logits: number, optional_classes: number, optional_probabilities: number, optional_weight: number, rows: number, columns: number, ignored: number, smoothing: number, scale: number): void;

/**
 * The gradient at the scaled logits.
 */
export function cross_entropy_backward(gradient: number, logits: number, optional_classes: number, optional_probabilities: number, optional_weight: number, gradient_factors: number, factor_count: number, rows: number, columns: number, ignored: number, smoothing: number, scale: number): void;

/**
 * losses `[batch]` of log-probabilities `[frames, batch, classes]`, and their gradient where it is asked for, with the factors
 * `[batch]`; integers: as `ctc_call` has them; scratch: for one frame, with a gradient for all.
 */
export function ctc(losses: number, optional_gradient: number, log_probabilities: number, integers: number, optional_factors: number, scratch: number, frames: number, batch: number, classes: number, blank: number, zero_infinity: number): void;

/**
 * Elements of scratch memory, for the loss with one frame, for the gradient with all; `labels` is the most that a batch has.
 * `OVERFLOW` when that overflows.
 */
export function ctc_scratch_length(frames: number, labels: number): number;

/**
 * Dropout of `length` elements, which is the backward pass too; `threshold` is floor(p · 2^32), `scale` 1 / (1 − p), or 0 for
 * p = 1.
 */
export function dropout(output: number, input: number, length: number, threshold: number, scale: number, seed_low: number, seed_high: number): void;

/**
 * output `[count, columns]` = rows of table `[rows, columns]` by int32 indices; both hold elements of the `Dtype`.
 */
export function embedding(output: number, table: number, indices: number, count: number, rows: number, columns: number, dtype: number): void;

/**
 * The gradient of the table, float32 `[rows, columns]`, of the output's `[count, columns]`; `padding_index`: `ABSENT` = none.
 */
export function embedding_backward(gradient: number, output_gradient: number, indices: number, padding_index: number, count: number, rows: number, columns: number): void;

/**
 * e^x, in float64, as of a mean loss.
 */
export function exponential(x: number): number;

/**
 * Gives a block back.
 */
export function free(pointer: number): void;

/**
 * Hides keys in a combined mask: from the int32 key lengths `[batch]` on, and those after the query where `is_causal` is not 0.
 */
export function hide_keys(combined: number, optional_key_lengths: number, batch: number, heads: number, rows: number, keys: number, columns: number, combined_dtype: number, is_causal: number): void;

/**
 * Layer norm over the columns of `[rows, columns]`.
 */
export function layer_norm(output: number, input: number, optional_weight: number, optional_bias: number, rows: number, columns: number, epsilon: number): void;

/**
 * output `[rows, out_features]` = activation(input `[rows, in_features]` · weightᵀ + bias); `activation` is an
 * `Activation`'s number.
 */
export function linear(output: number, input: number, packed: number, optional_bias: number, scratch: number, rows: number, in_features: number, out_features: number, activation: number): void;

/**
 * bias_gradient `[out_features]` = the sum of the rows of output_gradient `[rows, out_features]`.
 */
export function linear_bias_backward(bias_gradient: number, output_gradient: number, rows: number, out_features: number): void;

/**
 * Packs weights for `linear`.
 */
export function linear_pack(packed: number, weight: number, in_features: number, out_features: number): void;

/**
 * Packs a matrix `[rows, columns]` so that `linear` multiplies by it and not by its transpose: as `linear_pack` would its
 * transpose, into `linear_packed_length(rows, columns)` elements. Of a weight: what the gradient of the input is made with.
 */
export function linear_pack_columns(packed: number, matrix: number, rows: number, columns: number): void;

/**
 * Elements of the packed form of weights `[out_features, in_features]`; `OVERFLOW` when that overflows.
 */
export function linear_packed_length(in_features: number, out_features: number): number;

/**
 * Elements of scratch memory that `linear` needs; `OVERFLOW` when that overflows. For 0, any pointer will do.
 */
export function linear_scratch_length(rows: number, in_features: number): number;

/**
 * weight_gradient `[out_features, in_features]` = output_gradientᵀ · input, of output_gradient `[rows, out_features]` and
 * input `[rows, in_features]`.
 */
export function linear_weight_backward(weight_gradient: number, output_gradient: number, input: number, scratch: number, rows: number, in_features: number, out_features: number): void;

/**
 * Elements of scratch memory that `linear_weight_backward` needs; `OVERFLOW` when that overflows. For 0, any pointer will do.
 */
export function linear_weight_backward_scratch_length(rows: number, in_features: number, out_features: number): number;

/**
 * As `softmax`, its logarithm.
 */
export function log_softmax(output: number, input: number, scratch: number, outer: number, length: number, inner: number): void;

/**
 * The gradient of log-softmax's input, of its output's and the output.
 */
export function log_softmax_backward(gradient: number, output_gradient: number, output: number, scratch: number, outer: number, length: number, inner: number): void;

/**
 * `output` = Σ losses / divisor; 0 for a divisor of 0.
 */
export function loss_reduction(output: number, losses: number, length: number, divisor: number): void;

/**
 * output `[batch, columns]` = the mean of input `[batch, length, columns]` by mask `[batch, length]`.
 */
export function masked_mean(output: number, input: number, mask: number, batch: number, length: number, columns: number): void;

/**
 * input_gradient `[batch, length, columns]` of gradient `[batch, columns]` and mask `[batch, length]`.
 */
export function masked_mean_backward(input_gradient: number, gradient: number, mask: number, batch: number, length: number, columns: number): void;

/**
 * output `[…, rows, columns]` = a `[…, rows, depth]` · b `[…, depth, columns]`, of which the `Transposed` one has its last axes the
 * other way round. The batches are broadcast on the axes at `axes`, as in `add`, with strides that count matrices.
 */
export function matmul(output: number, a: number, b: number, scratch: number, axes: number, axis_count: number, rows: number, depth: number, columns: number, transposed: number): void;

/**
 * Elements of scratch memory that `matmul` needs; `OVERFLOW` when that overflows.
 */
export function matmul_scratch_length(rows: number, depth: number, columns: number, transposed: number): number;

/**
 * `losses[i]` = (`input[i]` − `target[i]`)².
 */
export function mean_squared_error(losses: number, input: number, target: number, length: number): void;

/**
 * The gradient at the input.
 */
export function mean_squared_error_backward(gradient: number, input: number, target: number, gradient_factors: number, factor_count: number, length: number): void;

/**
 * output = a · b, as `add`.
 */
export function mul(output: number, a: number, b: number, axes: number, axis_count: number): void;

/**
 * a·b + c as the kernels compute it: shows whether the host really fuses.
 */
export function multiply_add(a: number, b: number, c: number): number;

/**
 * The gradients of layer norm, or of RMS norm with an `is_centered` of 0: those that are wanted.
 */
export function norm_backward(optional_input_gradient: number, optional_weight_gradient: number, optional_bias_gradient: number, output_gradient: number, input: number, optional_weight: number, scratch: number, rows: number, columns: number, epsilon: number, is_centered: number): void;

/**
 * Elements of scratch memory that `norm_backward` needs; `OVERFLOW` when that overflows.
 */
export function norm_backward_scratch_length(columns: number): number;

/**
 * Rows of length 1 along the axis in the middle of `[outer, length, inner]`.
 */
export function normalize(output: number, input: number, scratch: number, outer: number, length: number, inner: number): void;

/**
 * The gradient of normalize's input, of its output's and the input.
 */
export function normalize_backward(gradient: number, output_gradient: number, input: number, scratch: number, outer: number, length: number, inner: number): void;

/**
 * Elements `offset` to `offset + length` of the seed's normal stream.
 */
export function random_normal(output: number, length: number, mean: number, deviation: number, seed_low: number, seed_high: number, offset_low: number, offset_high: number): void;

/**
 * Brings the elements, 32 bits each, into the order that a seed has under a number.
 */
export function random_shuffle(elements: number, length: number, seed_low: number, seed_high: number, number: number): void;

/**
 * Elements `offset` to `offset + length` of the seed's uniform stream in [low, high).
 */
export function random_uniform(output: number, length: number, low: number, high: number, seed_low: number, seed_high: number, offset_low: number, offset_high: number): void;

/**
 * RMS norm over the columns of `[rows, columns]`.
 */
export function rms_norm(output: number, input: number, optional_weight: number, rows: number, columns: number, epsilon: number): void;

/**
 * By what YaRN multiplies cosines and sines.
 */
export function rotary_attention_factor(factor: number, mscale: number, mscale_all_dim: number): number;

/**
 * Rotary embedding over the argument block at `arguments`.
 */
export function rotary_embedding(_arguments: number): void;

/**
 * frequencies: float64 `[pairs]`, for a sequence of `length`; `rope_type` is the `RopeType` of the scaling, whose fields
 * follow.
 */
export function rotary_frequencies(frequencies: number, pairs: number, base: number, length: number, rope_type: number, first: number, second: number, third: number, fourth: number, fifth: number): void;

/**
 * cosine, sine `[rows, pairs]` of position · frequency, times the attention factor; frequencies: float64 `[pairs]`; the
 * positions: int32 `[rows]`, or `first_position` and those that follow.
 */
export function rotary_tables(cosine: number, sine: number, frequencies: number, optional_position_ids: number, rows: number, pairs: number, first_position: number, attention_factor: number): void;

/**
 * Multiplies every value, in place.
 */
export function scale(values: number, length: number, factor: number): void;

/**
 * The memory never grows beyond `pages`.
 */
export function set_memory_limit(pages: number): void;

/**
 * A step of SGD, with momentum where there is a buffer for it.
 */
export function sgd(parameter: number, optional_buffer: number, gradient: number, length: number, step_size: number, weight_decay: number, momentum: number, share: number, nesterov: number, is_first: number): void;

/**
 * output `[rows, columns]` = sines and cosines of positions.
 */
export function sinusoidal_positions(output: number, rows: number, columns: number): void;

/**
 * Softmax along the axis in the middle of `[outer, length, inner]`.
 */
export function softmax(output: number, input: number, scratch: number, outer: number, length: number, inner: number): void;

/**
 * The gradient of softmax's input, of its output's and the output.
 */
export function softmax_backward(gradient: number, output_gradient: number, output: number, scratch: number, outer: number, length: number, inner: number): void;

/**
 * output `[outer, inner]` = the sums of input `[outer, length, inner]` along the axis in the middle.
 */
export function sum_along(output: number, input: number, outer: number, length: number, inner: number): void;

/**
 * `total`, a float64, = Σ values².
 */
export function sum_of_squares(total: number, values: number, length: number): void;

/**
 * `output[i]` = silu(`a[i]`) · `b[i]`.
 */
export function swiglu(output: number, a: number, b: number, length: number): void;

/**
 * `gradient[i]` = `output_gradient[i]` · `b[i]` · silu′(`a[i]`), the gradient of swiglu's a.
 */
export function swiglu_backward(gradient: number, output_gradient: number, a: number, b: number, length: number): void;

/**
 * values and indices `[outer, k, inner]` of the largest of input `[outer, length, inner]` along the axis in the middle; scratch: k
 * numbers of 64 bits.
 */
export function topk(optional_values: number, indices: number, input: number, scratch: number, outer: number, length: number, inner: number, k: number): void;

/**
 * input_gradient `[outer, length, inner]` of the values' gradient `[outer, k, inner]` and their indices.
 */
export function topk_backward(input_gradient: number, gradient: number, indices: number, outer: number, length: number, inner: number, k: number): void;

/**
 * output `[outer, second, middle, first]` = input `[outer, first, middle, second]`, of elements of `bytes` bytes.
 */
export function transpose(output: number, input: number, outer: number, first: number, middle: number, second: number, bytes: number): void;

export function __wbg_set_wasm(exports: object | undefined): void;
