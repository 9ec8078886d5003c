/**
 * `sums[i] += addends[i]`.
 * @param {number} sums
 * @param {number} addends
 * @param {number} length
 */
export function accumulate(sums, addends, length) {
    wasm.accumulate(sums, addends, length);
}

/**
 * `output[i]` = the `Activation` of `input[i]`.
 * @param {number} output
 * @param {number} input
 * @param {number} length
 * @param {number} activation
 */
export function activation(output, input, length, activation) {
    wasm.activation(output, input, length, activation);
}

/**
 * `gradient[i]` = `output_gradient[i]` · the derivative of the `Activation` at `input[i]`; of relu the output will do.
 * @param {number} gradient
 * @param {number} output_gradient
 * @param {number} input
 * @param {number} length
 * @param {number} activation
 */
export function activation_backward(gradient, output_gradient, input, length, activation) {
    wasm.activation_backward(gradient, output_gradient, input, length, activation);
}

/**
 * A step of Adam or AdamW over the argument block at `arguments`.
 * @param {number} _arguments
 */
export function adam(_arguments) {
    wasm.adam(_arguments);
}

/**
 * output = a + b, broadcast on the axes at `axes`: the words size, stride in a, stride in b of each, the fastest first.
 * @param {number} output
 * @param {number} a
 * @param {number} b
 * @param {number} axes
 * @param {number} axis_count
 */
export function add(output, a, b, axes, axis_count) {
    wasm.add(output, a, b, axes, axis_count);
}

/**
 * A 16-byte aligned block, or 0 when there is no memory for it.
 * @param {number} bytes
 * @returns {number}
 */
export function allocate(bytes) {
    const ret = wasm.allocate(bytes);
    return ret >>> 0;
}

/**
 * output `[batch, length + extra_length, columns]` = rows `[batch, length, columns]`, in every batch followed by the same
 * extra ones `[extra_length, columns]`; or, where `is_batch_first` is 0, `[length + extra_length, batch, columns]` of `[length,
 * batch, columns]`. float32.
 * @param {number} output
 * @param {number} rows
 * @param {number} extra
 * @param {number} batch
 * @param {number} length
 * @param {number} extra_length
 * @param {number} columns
 * @param {number} is_batch_first
 */
export function append_rows(output, rows, extra, batch, length, extra_length, columns, is_batch_first) {
    wasm.append_rows(output, rows, extra, batch, length, extra_length, columns, is_batch_first);
}

/**
 * The `Arithmetic` of this build.
 * @returns {number}
 */
export function arithmetic() {
    const ret = wasm.arithmetic();
    return ret >>> 0;
}

/**
 * The gradients of attention, over the argument block of the forward call, of which it reads what describes the inputs, and one
 * of its own.
 * @param {number} _arguments
 * @param {number} backward_arguments
 */
export function attention_backward(_arguments, backward_arguments) {
    wasm.attention_backward(_arguments, backward_arguments);
}

/**
 * Bytes of working memory that `attention_backward` needs for these arguments; `OVERFLOW` when the sizes overflow.
 * `scratch` may still be 0.
 * @param {number} _arguments
 * @param {number} backward_arguments
 * @returns {number}
 */
export function attention_backward_scratch_bytes(_arguments, backward_arguments) {
    const ret = wasm.attention_backward_scratch_bytes(_arguments, backward_arguments);
    return ret >>> 0;
}

/**
 * Scaled dot-product attention over the argument block at `arguments`.
 * @param {number} _arguments
 */
export function attention_forward(_arguments) {
    wasm.attention_forward(_arguments);
}

/**
 * Bytes of working memory that `attention_forward` needs for these arguments; `OVERFLOW` when the sizes overflow.
 * `scratch` and the outputs' pointers may still be 0.
 * @param {number} _arguments
 * @returns {number}
 */
export function attention_scratch_bytes(_arguments) {
    const ret = wasm.attention_scratch_bytes(_arguments);
    return ret >>> 0;
}

/**
 * averages = decay · averages + share · parameter.
 * @param {number} averages
 * @param {number} parameter
 * @param {number} length
 * @param {number} decay
 * @param {number} share
 */
export function average(averages, parameter, length, decay, share) {
    wasm.average(averages, parameter, length, decay, share);
}

/**
 * Elements of scratch memory for `arrays` of `[outer, length, inner]`, the output among them; `OVERFLOW` when that
 * overflows. For 0, any pointer will do.
 * @param {number} arrays
 * @param {number} length
 * @param {number} inner
 * @returns {number}
 */
export function axis_scratch_length(arrays, length, inner) {
    const ret = wasm.axis_scratch_length(arrays, length, inner);
    return ret >>> 0;
}

/**
 * losses `[length]`; so are the logits, the targets and the weights.
 * @param {number} losses
 * @param {number} logits
 * @param {number} targets
 * @param {number} optional_weight
 * @param {number} optional_positive_weight
 * @param {number} length
 */
export function binary_cross_entropy(losses, logits, targets, optional_weight, optional_positive_weight, length) {
    wasm.binary_cross_entropy(losses, logits, targets, optional_weight, optional_positive_weight, length);
}

/**
 * The gradient at the logits.
 * @param {number} gradient
 * @param {number} logits
 * @param {number} targets
 * @param {number} optional_weight
 * @param {number} optional_positive_weight
 * @param {number} gradient_factors
 * @param {number} factor_count
 * @param {number} length
 */
export function binary_cross_entropy_backward(gradient, logits, targets, optional_weight, optional_positive_weight, gradient_factors, factor_count, length) {
    wasm.binary_cross_entropy_backward(gradient, logits, targets, optional_weight, optional_positive_weight, gradient_factors, factor_count, length);
}

/**
 * Bytes in allocated blocks.
 * @returns {number}
 */
export function bytes_in_use() {
    const ret = wasm.bytes_in_use();
    return ret >>> 0;
}

/**
 * The most that `bytes_in_use` has been.
 * @returns {number}
 */
export function bytes_peak() {
    const ret = wasm.bytes_peak();
    return ret >>> 0;
}

/**
 * Moves every value into [low, high], in place; NaN stays.
 * @param {number} values
 * @param {number} length
 * @param {number} low
 * @param {number} high
 */
export function clamp(values, length, low, high) {
    wasm.clamp(values, length, low, high);
}

/**
 * Takes a mask, of which a row's `keys` are contiguous, into the combined one; strides of 0 repeat.
 * @param {number} combined
 * @param {number} mask
 * @param {number} batch
 * @param {number} heads
 * @param {number} rows
 * @param {number} keys
 * @param {number} columns
 * @param {number} batch_stride
 * @param {number} head_stride
 * @param {number} row_stride
 * @param {number} combined_dtype
 * @param {number} mask_dtype
 */
export function combine_mask(combined, mask, batch, heads, rows, keys, columns, batch_stride, head_stride, row_stride, combined_dtype, mask_dtype) {
    wasm.combine_mask(combined, mask, batch, heads, rows, keys, columns, batch_stride, head_stride, row_stride, combined_dtype, mask_dtype);
}

/**
 * Convolution over the argument block at `arguments`.
 * @param {number} _arguments
 */
export function conv1d(_arguments) {
    wasm.conv1d(_arguments);
}

/**
 * The gradients of a convolution that the argument block at `arguments` asks for.
 * @param {number} _arguments
 */
export function conv1d_backward(_arguments) {
    wasm.conv1d_backward(_arguments);
}

/**
 * Elements of scratch memory that a call of the argument block at `arguments` needs; `OVERFLOW` when that overflows.
 * @param {number} _arguments
 * @returns {number}
 */
export function conv1d_scratch_length(_arguments) {
    const ret = wasm.conv1d_scratch_length(_arguments);
    return ret >>> 0;
}

/**
 * Converts `length` elements between two `Dtype`s.
 * @param {number} output
 * @param {number} input
 * @param {number} length
 * @param {number} output_dtype
 * @param {number} input_dtype
 */
export function convert(output, input, length, output_dtype, input_dtype) {
    wasm.convert(output, input, length, output_dtype, input_dtype);
}

/**
 * Copies `rows` rows of `length` bytes, which begin so many bytes after each other.
 * @param {number} output
 * @param {number} input
 * @param {number} rows
 * @param {number} length
 * @param {number} output_stride
 * @param {number} input_stride
 */
export function copy_rows(output, input, rows, length, output_stride, input_stride) {
    wasm.copy_rows(output, input, rows, length, output_stride, input_stride);
}

/**
 * `result`, a float64, = cos(angle), for |angle| ≤ 2^31.
 * @param {number} result
 * @param {number} angle
 */
export function cosine(result, angle) {
    wasm.cosine(result, angle);
}

/**
 * losses `[rows]` of logits `[rows, columns]`, which are multiplied with `scale`; targets: int32 `[rows]`, or probabilities `[rows, columns]`.
 * @param {number} losses
 * @param {number} logits
 * @param {number} optional_classes
 * @param {number} optional_probabilities
 * @param {number} optional_weight
 * @param {number} rows
 * @param {number} columns
 * @param {number} ignored
 * @param {number} smoothing
 * @param {number} scale
 */
export function cross_entropy(losses, logits, optional_classes, optional_probabilities, optional_weight, rows, columns, ignored, smoothing, scale) {
    wasm.cross_entropy(losses, logits, optional_classes, optional_probabilities, optional_weight, rows, columns, ignored, smoothing, scale);
}

/**
 * The gradient at the scaled logits.
 * @param {number} gradient
 * @param {number} logits
 * @param {number} optional_classes
 * @param {number} optional_probabilities
 * @param {number} optional_weight
 * @param {number} gradient_factors
 * @param {number} factor_count
 * @param {number} rows
 * @param {number} columns
 * @param {number} ignored
 * @param {number} smoothing
 * @param {number} scale
 */
export function cross_entropy_backward(gradient, logits, optional_classes, optional_probabilities, optional_weight, gradient_factors, factor_count, rows, columns, ignored, smoothing, scale) {
    wasm.cross_entropy_backward(gradient, logits, optional_classes, optional_probabilities, optional_weight, gradient_factors, factor_count, rows, columns, ignored, smoothing, scale);
}

/**
 * losses `[batch]` of log-probabilities `[frames, batch, classes]`, and their gradient where it is asked for, with the factors
 * `[batch]`; integers: as `ctc_call` has them; scratch: for one frame, with a gradient for all.
 * @param {number} losses
 * @param {number} optional_gradient
 * @param {number} log_probabilities
 * @param {number} integers
 * @param {number} optional_factors
 * @param {number} scratch
 * @param {number} frames
 * @param {number} batch
 * @param {number} classes
 * @param {number} blank
 * @param {number} zero_infinity
 */
export function ctc(losses, optional_gradient, log_probabilities, integers, optional_factors, scratch, frames, batch, classes, blank, zero_infinity) {
    wasm.ctc(losses, optional_gradient, log_probabilities, integers, optional_factors, scratch, frames, batch, classes, blank, zero_infinity);
}

/**
 * Elements of scratch memory, for the loss with one frame, for the gradient with all; `labels` is the most that a batch has.
 * `OVERFLOW` when that overflows.
 * @param {number} frames
 * @param {number} labels
 * @returns {number}
 */
export function ctc_scratch_length(frames, labels) {
    const ret = wasm.ctc_scratch_length(frames, labels);
    return ret >>> 0;
}

/**
 * Dropout of `length` elements, which is the backward pass too; `threshold` is floor(p · 2^32), `scale` 1 / (1 − p), or 0 for
 * p = 1.
 * @param {number} output
 * @param {number} input
 * @param {number} length
 * @param {number} threshold
 * @param {number} scale
 * @param {number} seed_low
 * @param {number} seed_high
 */
export function dropout(output, input, length, threshold, scale, seed_low, seed_high) {
    wasm.dropout(output, input, length, threshold, scale, seed_low, seed_high);
}

/**
 * output `[count, columns]` = rows of table `[rows, columns]` by int32 indices; both hold elements of the `Dtype`.
 * @param {number} output
 * @param {number} table
 * @param {number} indices
 * @param {number} count
 * @param {number} rows
 * @param {number} columns
 * @param {number} dtype
 */
export function embedding(output, table, indices, count, rows, columns, dtype) {
    wasm.embedding(output, table, indices, count, rows, columns, dtype);
}

/**
 * The gradient of the table, float32 `[rows, columns]`, of the output's `[count, columns]`; `padding_index`: `ABSENT` = none.
 * @param {number} gradient
 * @param {number} output_gradient
 * @param {number} indices
 * @param {number} padding_index
 * @param {number} count
 * @param {number} rows
 * @param {number} columns
 */
export function embedding_backward(gradient, output_gradient, indices, padding_index, count, rows, columns) {
    wasm.embedding_backward(gradient, output_gradient, indices, padding_index, count, rows, columns);
}

/**
 * e^x, in float64, as of a mean loss.
 * @param {number} x
 * @returns {number}
 */
export function exponential(x) {
    const ret = wasm.exponential(x);
    return ret;
}

/**
 * Gives a block back.
 * @param {number} pointer
 */
export function free(pointer) {
    wasm.free(pointer);
}

/**
 * Hides keys in a combined mask: from the int32 key lengths `[batch]` on, and those after the query where `is_causal` is not 0.
 * @param {number} combined
 * @param {number} optional_key_lengths
 * @param {number} batch
 * @param {number} heads
 * @param {number} rows
 * @param {number} keys
 * @param {number} columns
 * @param {number} combined_dtype
 * @param {number} is_causal
 */
export function hide_keys(combined, optional_key_lengths, batch, heads, rows, keys, columns, combined_dtype, is_causal) {
    wasm.hide_keys(combined, optional_key_lengths, batch, heads, rows, keys, columns, combined_dtype, is_causal);
}

/**
 * Layer norm over the columns of `[rows, columns]`.
 * @param {number} output
 * @param {number} input
 * @param {number} optional_weight
 * @param {number} optional_bias
 * @param {number} rows
 * @param {number} columns
 * @param {number} epsilon
 */
export function layer_norm(output, input, optional_weight, optional_bias, rows, columns, epsilon) {
    wasm.layer_norm(output, input, optional_weight, optional_bias, rows, columns, epsilon);
}

/**
 * output `[rows, out_features]` = activation(input `[rows, in_features]` · weightᵀ + bias); `activation` is an
 * `Activation`'s number.
 * @param {number} output
 * @param {number} input
 * @param {number} packed
 * @param {number} optional_bias
 * @param {number} scratch
 * @param {number} rows
 * @param {number} in_features
 * @param {number} out_features
 * @param {number} activation
 */
export function linear(output, input, packed, optional_bias, scratch, rows, in_features, out_features, activation) {
    wasm.linear(output, input, packed, optional_bias, scratch, rows, in_features, out_features, activation);
}

/**
 * bias_gradient `[out_features]` = the sum of the rows of output_gradient `[rows, out_features]`.
 * @param {number} bias_gradient
 * @param {number} output_gradient
 * @param {number} rows
 * @param {number} out_features
 */
export function linear_bias_backward(bias_gradient, output_gradient, rows, out_features) {
    wasm.linear_bias_backward(bias_gradient, output_gradient, rows, out_features);
}

/**
 * Packs weights for `linear`.
 * @param {number} packed
 * @param {number} weight
 * @param {number} in_features
 * @param {number} out_features
 */
export function linear_pack(packed, weight, in_features, out_features) {
    wasm.linear_pack(packed, weight, in_features, out_features);
}

/**
 * Packs a matrix `[rows, columns]` so that `linear` multiplies by it and not by its transpose: as `linear_pack` would its
 * transpose, into `linear_packed_length(rows, columns)` elements. Of a weight: what the gradient of the input is made with.
 * @param {number} packed
 * @param {number} matrix
 * @param {number} rows
 * @param {number} columns
 */
export function linear_pack_columns(packed, matrix, rows, columns) {
    wasm.linear_pack_columns(packed, matrix, rows, columns);
}

/**
 * Elements of the packed form of weights `[out_features, in_features]`; `OVERFLOW` when that overflows.
 * @param {number} in_features
 * @param {number} out_features
 * @returns {number}
 */
export function linear_packed_length(in_features, out_features) {
    const ret = wasm.linear_packed_length(in_features, out_features);
    return ret >>> 0;
}

/**
 * Elements of scratch memory that `linear` needs; `OVERFLOW` when that overflows. For 0, any pointer will do.
 * @param {number} rows
 * @param {number} in_features
 * @returns {number}
 */
export function linear_scratch_length(rows, in_features) {
    const ret = wasm.linear_scratch_length(rows, in_features);
    return ret >>> 0;
}

/**
 * weight_gradient `[out_features, in_features]` = output_gradientᵀ · input, of output_gradient `[rows, out_features]` and
 * input `[rows, in_features]`.
 * @param {number} weight_gradient
 * @param {number} output_gradient
 * @param {number} input
 * @param {number} scratch
 * @param {number} rows
 * @param {number} in_features
 * @param {number} out_features
 */
export function linear_weight_backward(weight_gradient, output_gradient, input, scratch, rows, in_features, out_features) {
    wasm.linear_weight_backward(weight_gradient, output_gradient, input, scratch, rows, in_features, out_features);
}

/**
 * Elements of scratch memory that `linear_weight_backward` needs; `OVERFLOW` when that overflows. For 0, any pointer will do.
 * @param {number} rows
 * @param {number} in_features
 * @param {number} out_features
 * @returns {number}
 */
export function linear_weight_backward_scratch_length(rows, in_features, out_features) {
    const ret = wasm.linear_weight_backward_scratch_length(rows, in_features, out_features);
    return ret >>> 0;
}

/**
 * As `softmax`, its logarithm.
 * @param {number} output
 * @param {number} input
 * @param {number} scratch
 * @param {number} outer
 * @param {number} length
 * @param {number} inner
 */
export function log_softmax(output, input, scratch, outer, length, inner) {
    wasm.log_softmax(output, input, scratch, outer, length, inner);
}

/**
 * The gradient of log-softmax's input, of its output's and the output.
 * @param {number} gradient
 * @param {number} output_gradient
 * @param {number} output
 * @param {number} scratch
 * @param {number} outer
 * @param {number} length
 * @param {number} inner
 */
export function log_softmax_backward(gradient, output_gradient, output, scratch, outer, length, inner) {
    wasm.log_softmax_backward(gradient, output_gradient, output, scratch, outer, length, inner);
}

/**
 * `output` = Σ losses / divisor; 0 for a divisor of 0.
 * @param {number} output
 * @param {number} losses
 * @param {number} length
 * @param {number} divisor
 */
export function loss_reduction(output, losses, length, divisor) {
    wasm.loss_reduction(output, losses, length, divisor);
}

/**
 * output `[batch, columns]` = the mean of input `[batch, length, columns]` by mask `[batch, length]`.
 * @param {number} output
 * @param {number} input
 * @param {number} mask
 * @param {number} batch
 * @param {number} length
 * @param {number} columns
 */
export function masked_mean(output, input, mask, batch, length, columns) {
    wasm.masked_mean(output, input, mask, batch, length, columns);
}

/**
 * input_gradient `[batch, length, columns]` of gradient `[batch, columns]` and mask `[batch, length]`.
 * @param {number} input_gradient
 * @param {number} gradient
 * @param {number} mask
 * @param {number} batch
 * @param {number} length
 * @param {number} columns
 */
export function masked_mean_backward(input_gradient, gradient, mask, batch, length, columns) {
    wasm.masked_mean_backward(input_gradient, gradient, mask, batch, length, columns);
}

/**
 * output `[…, rows, columns]` = a `[…, rows, depth]` · b `[…, depth, columns]`, of which the `Transposed` one has its last axes the
 * other way round. The batches are broadcast on the axes at `axes`, as in `add`, with strides that count matrices.
 * @param {number} output
 * @param {number} a
 * @param {number} b
 * @param {number} scratch
 * @param {number} axes
 * @param {number} axis_count
 * @param {number} rows
 * @param {number} depth
 * @param {number} columns
 * @param {number} transposed
 */
export function matmul(output, a, b, scratch, axes, axis_count, rows, depth, columns, transposed) {
    wasm.matmul(output, a, b, scratch, axes, axis_count, rows, depth, columns, transposed);
}

/**
 * Elements of scratch memory that `matmul` needs; `OVERFLOW` when that overflows.
 * @param {number} rows
 * @param {number} depth
 * @param {number} columns
 * @param {number} transposed
 * @returns {number}
 */
export function matmul_scratch_length(rows, depth, columns, transposed) {
    const ret = wasm.matmul_scratch_length(rows, depth, columns, transposed);
    return ret >>> 0;
}

/**
 * `losses[i]` = (`input[i]` − `target[i]`)².
 * @param {number} losses
 * @param {number} input
 * @param {number} target
 * @param {number} length
 */
export function mean_squared_error(losses, input, target, length) {
    wasm.mean_squared_error(losses, input, target, length);
}

/**
 * The gradient at the input.
 * @param {number} gradient
 * @param {number} input
 * @param {number} target
 * @param {number} gradient_factors
 * @param {number} factor_count
 * @param {number} length
 */
export function mean_squared_error_backward(gradient, input, target, gradient_factors, factor_count, length) {
    wasm.mean_squared_error_backward(gradient, input, target, gradient_factors, factor_count, length);
}

/**
 * output = a · b, as `add`.
 * @param {number} output
 * @param {number} a
 * @param {number} b
 * @param {number} axes
 * @param {number} axis_count
 */
export function mul(output, a, b, axes, axis_count) {
    wasm.mul(output, a, b, axes, axis_count);
}

/**
 * a·b + c as the kernels compute it: shows whether the host really fuses.
 * @param {number} a
 * @param {number} b
 * @param {number} c
 * @returns {number}
 */
export function multiply_add(a, b, c) {
    const ret = wasm.multiply_add(a, b, c);
    return ret;
}

/**
 * The gradients of layer norm, or of RMS norm with an `is_centered` of 0: those that are wanted.
 * @param {number} optional_input_gradient
 * @param {number} optional_weight_gradient
 * @param {number} optional_bias_gradient
 * @param {number} output_gradient
 * @param {number} input
 * @param {number} optional_weight
 * @param {number} scratch
 * @param {number} rows
 * @param {number} columns
 * @param {number} epsilon
 * @param {number} is_centered
 */
export function norm_backward(optional_input_gradient, optional_weight_gradient, optional_bias_gradient, output_gradient, input, optional_weight, scratch, rows, columns, epsilon, is_centered) {
    wasm.norm_backward(optional_input_gradient, optional_weight_gradient, optional_bias_gradient, output_gradient, input, optional_weight, scratch, rows, columns, epsilon, is_centered);
}

/**
 * Elements of scratch memory that `norm_backward` needs; `OVERFLOW` when that overflows.
 * @param {number} columns
 * @returns {number}
 */
export function norm_backward_scratch_length(columns) {
    const ret = wasm.norm_backward_scratch_length(columns);
    return ret >>> 0;
}

/**
 * Rows of length 1 along the axis in the middle of `[outer, length, inner]`.
 * @param {number} output
 * @param {number} input
 * @param {number} scratch
 * @param {number} outer
 * @param {number} length
 * @param {number} inner
 */
export function normalize(output, input, scratch, outer, length, inner) {
    wasm.normalize(output, input, scratch, outer, length, inner);
}

/**
 * The gradient of normalize's input, of its output's and the input.
 * @param {number} gradient
 * @param {number} output_gradient
 * @param {number} input
 * @param {number} scratch
 * @param {number} outer
 * @param {number} length
 * @param {number} inner
 */
export function normalize_backward(gradient, output_gradient, input, scratch, outer, length, inner) {
    wasm.normalize_backward(gradient, output_gradient, input, scratch, outer, length, inner);
}

/**
 * Elements `offset` to `offset + length` of the seed's normal stream.
 * @param {number} output
 * @param {number} length
 * @param {number} mean
 * @param {number} deviation
 * @param {number} seed_low
 * @param {number} seed_high
 * @param {number} offset_low
 * @param {number} offset_high
 */
export function random_normal(output, length, mean, deviation, seed_low, seed_high, offset_low, offset_high) {
    wasm.random_normal(output, length, mean, deviation, seed_low, seed_high, offset_low, offset_high);
}

/**
 * Brings the elements, 32 bits each, into the order that a seed has under a number.
 * @param {number} elements
 * @param {number} length
 * @param {number} seed_low
 * @param {number} seed_high
 * @param {number} number
 */
export function random_shuffle(elements, length, seed_low, seed_high, number) {
    wasm.random_shuffle(elements, length, seed_low, seed_high, number);
}

/**
 * Elements `offset` to `offset + length` of the seed's uniform stream in [low, high).
 * @param {number} output
 * @param {number} length
 * @param {number} low
 * @param {number} high
 * @param {number} seed_low
 * @param {number} seed_high
 * @param {number} offset_low
 * @param {number} offset_high
 */
export function random_uniform(output, length, low, high, seed_low, seed_high, offset_low, offset_high) {
    wasm.random_uniform(output, length, low, high, seed_low, seed_high, offset_low, offset_high);
}

/**
 * RMS norm over the columns of `[rows, columns]`.
 * @param {number} output
 * @param {number} input
 * @param {number} optional_weight
 * @param {number} rows
 * @param {number} columns
 * @param {number} epsilon
 */
export function rms_norm(output, input, optional_weight, rows, columns, epsilon) {
    wasm.rms_norm(output, input, optional_weight, rows, columns, epsilon);
}

/**
 * By what YaRN multiplies cosines and sines.
 * @param {number} factor
 * @param {number} mscale
 * @param {number} mscale_all_dim
 * @returns {number}
 */
export function rotary_attention_factor(factor, mscale, mscale_all_dim) {
    const ret = wasm.rotary_attention_factor(factor, mscale, mscale_all_dim);
    return ret;
}

/**
 * Rotary embedding over the argument block at `arguments`.
 * @param {number} _arguments
 */
export function rotary_embedding(_arguments) {
    wasm.rotary_embedding(_arguments);
}

/**
 * frequencies: float64 `[pairs]`, for a sequence of `length`; `rope_type` is the `RopeType` of the scaling, whose fields
 * follow.
 * @param {number} frequencies
 * @param {number} pairs
 * @param {number} base
 * @param {number} length
 * @param {number} rope_type
 * @param {number} first
 * @param {number} second
 * @param {number} third
 * @param {number} fourth
 * @param {number} fifth
 */
export function rotary_frequencies(frequencies, pairs, base, length, rope_type, first, second, third, fourth, fifth) {
    wasm.rotary_frequencies(frequencies, pairs, base, length, rope_type, first, second, third, fourth, fifth);
}

/**
 * cosine, sine `[rows, pairs]` of position · frequency, times the attention factor; frequencies: float64 `[pairs]`; the
 * positions: int32 `[rows]`, or `first_position` and those that follow.
 * @param {number} cosine
 * @param {number} sine
 * @param {number} frequencies
 * @param {number} optional_position_ids
 * @param {number} rows
 * @param {number} pairs
 * @param {number} first_position
 * @param {number} attention_factor
 */
export function rotary_tables(cosine, sine, frequencies, optional_position_ids, rows, pairs, first_position, attention_factor) {
    wasm.rotary_tables(cosine, sine, frequencies, optional_position_ids, rows, pairs, first_position, attention_factor);
}

/**
 * Multiplies every value, in place.
 * @param {number} values
 * @param {number} length
 * @param {number} factor
 */
export function scale(values, length, factor) {
    wasm.scale(values, length, factor);
}

/**
 * The memory never grows beyond `pages`.
 * @param {number} pages
 */
export function set_memory_limit(pages) {
    wasm.set_memory_limit(pages);
}

/**
 * A step of SGD, with momentum where there is a buffer for it.
 * @param {number} parameter
 * @param {number} optional_buffer
 * @param {number} gradient
 * @param {number} length
 * @param {number} step_size
 * @param {number} weight_decay
 * @param {number} momentum
 * @param {number} share
 * @param {number} nesterov
 * @param {number} is_first
 */
export function sgd(parameter, optional_buffer, gradient, length, step_size, weight_decay, momentum, share, nesterov, is_first) {
    wasm.sgd(parameter, optional_buffer, gradient, length, step_size, weight_decay, momentum, share, nesterov, is_first);
}

/**
 * output `[rows, columns]` = sines and cosines of positions.
 * @param {number} output
 * @param {number} rows
 * @param {number} columns
 */
export function sinusoidal_positions(output, rows, columns) {
    wasm.sinusoidal_positions(output, rows, columns);
}

/**
 * Softmax along the axis in the middle of `[outer, length, inner]`.
 * @param {number} output
 * @param {number} input
 * @param {number} scratch
 * @param {number} outer
 * @param {number} length
 * @param {number} inner
 */
export function softmax(output, input, scratch, outer, length, inner) {
    wasm.softmax(output, input, scratch, outer, length, inner);
}

/**
 * The gradient of softmax's input, of its output's and the output.
 * @param {number} gradient
 * @param {number} output_gradient
 * @param {number} output
 * @param {number} scratch
 * @param {number} outer
 * @param {number} length
 * @param {number} inner
 */
export function softmax_backward(gradient, output_gradient, output, scratch, outer, length, inner) {
    wasm.softmax_backward(gradient, output_gradient, output, scratch, outer, length, inner);
}

/**
 * output `[outer, inner]` = the sums of input `[outer, length, inner]` along the axis in the middle.
 * @param {number} output
 * @param {number} input
 * @param {number} outer
 * @param {number} length
 * @param {number} inner
 */
export function sum_along(output, input, outer, length, inner) {
    wasm.sum_along(output, input, outer, length, inner);
}

/**
 * `total`, a float64, = Σ values².
 * @param {number} total
 * @param {number} values
 * @param {number} length
 */
export function sum_of_squares(total, values, length) {
    wasm.sum_of_squares(total, values, length);
}

/**
 * `output[i]` = silu(`a[i]`) · `b[i]`.
 * @param {number} output
 * @param {number} a
 * @param {number} b
 * @param {number} length
 */
export function swiglu(output, a, b, length) {
    wasm.swiglu(output, a, b, length);
}

/**
 * `gradient[i]` = `output_gradient[i]` · `b[i]` · silu′(`a[i]`), the gradient of swiglu's a.
 * @param {number} gradient
 * @param {number} output_gradient
 * @param {number} a
 * @param {number} b
 * @param {number} length
 */
export function swiglu_backward(gradient, output_gradient, a, b, length) {
    wasm.swiglu_backward(gradient, output_gradient, a, b, length);
}

/**
 * values and indices `[outer, k, inner]` of the largest of input `[outer, length, inner]` along the axis in the middle; scratch: k
 * numbers of 64 bits.
 * @param {number} optional_values
 * @param {number} indices
 * @param {number} input
 * @param {number} scratch
 * @param {number} outer
 * @param {number} length
 * @param {number} inner
 * @param {number} k
 */
export function topk(optional_values, indices, input, scratch, outer, length, inner, k) {
    wasm.topk(optional_values, indices, input, scratch, outer, length, inner, k);
}

/**
 * input_gradient `[outer, length, inner]` of the values' gradient `[outer, k, inner]` and their indices.
 * @param {number} input_gradient
 * @param {number} gradient
 * @param {number} indices
 * @param {number} outer
 * @param {number} length
 * @param {number} inner
 * @param {number} k
 */
export function topk_backward(input_gradient, gradient, indices, outer, length, inner, k) {
    wasm.topk_backward(input_gradient, gradient, indices, outer, length, inner, k);
}

/**
 * output `[outer, second, middle, first]` = input `[outer, first, middle, second]`, of elements of `bytes` bytes.
 * @param {number} output
 * @param {number} input
 * @param {number} outer
 * @param {number} first
 * @param {number} middle
 * @param {number} second
 * @param {number} bytes
 */
export function transpose(output, input, outer, first, middle, second, bytes) {
    wasm.transpose(output, input, outer, first, middle, second, bytes);
}
export function __wbindgen_init_externref_table() {
    const table = wasm.__wbindgen_externrefs;
    table.set(0, undefined);
    table.set(1024, undefined);
    table.set(1025, null);
    table.set(1026, true);
    table.set(1027, false);
}

let wasm;
export function __wbg_set_wasm(val) {
    wasm = val;
}
