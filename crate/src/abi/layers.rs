//! The layers' exports: float32 throughout, dense arrays unless strides are given. A pointer whose name begins with
//! `optional` may be 0, for an operand that is not there.

use super::Status;
use super::slices::{optional_slice, product, slice, slice_mut, status};
use crate::activation::Activation;
use crate::numeric::Dtype;
use crate::rotary::RotaryLayout;
use crate::rotary_frequencies::RopeScaling;
use crate::{activation, embedding, linear, normalization, numeric, random, rotary, rotary_frequencies, softmax};
use wasm_bindgen::prelude::wasm_bindgen;

/// Softmax over the columns of `[rows, columns]`.
#[wasm_bindgen]
pub fn softmax(output: usize, input: usize, rows: usize, columns: usize) -> u32 {
    let run = || {
        let length = product(&[rows, columns])?;
        softmax::softmax(slice_mut(output, length)?, slice(input, length)?, rows, columns);
        Ok(())
    };
    status(run())
}

/// Elements of the packed form of weights `[out_features, in_features]`; 2^32 − 1 when that overflows.
#[wasm_bindgen]
pub fn linear_packed_length(in_features: usize, out_features: usize) -> usize {
    linear::packed_length(in_features, out_features).unwrap_or(usize::MAX)
}

/// Packs weights for `linear`.
#[wasm_bindgen]
pub fn linear_pack(packed: usize, weight: usize, in_features: usize, out_features: usize) -> u32 {
    let run = || {
        let packed_length = linear::packed_length(in_features, out_features).ok_or(Status::InvalidArgument)?;
        let weight = slice(weight, product(&[in_features, out_features])?)?;
        linear::pack_weight(slice_mut(packed, packed_length)?, weight, in_features, out_features);
        Ok(())
    };
    status(run())
}

/// Elements of scratch memory that `linear` needs; 2^32 − 1 when that overflows. For 0, any pointer will do.
#[wasm_bindgen]
pub fn linear_scratch_length(rows: usize, in_features: usize) -> usize {
    linear::scratch_length(rows, in_features).unwrap_or(usize::MAX)
}

/// output `[rows, out_features]` = activation(input `[rows, in_features]` · weightᵀ + bias); `activation` is an
/// `Activation`'s number.
#[wasm_bindgen]
pub fn linear(
    output: usize,
    input: usize,
    packed: usize,
    optional_bias: usize,
    scratch: usize,
    rows: usize,
    in_features: usize,
    out_features: usize,
    activation: u32,
) -> u32 {
    let run = || {
        let activation = Activation::from_u32(activation).ok_or(Status::InvalidArgument)?;
        let packed_length = linear::packed_length(in_features, out_features).ok_or(Status::InvalidArgument)?;
        let scratch_length = linear::scratch_length(rows, in_features).ok_or(Status::InvalidArgument)?;
        let scratch = if scratch_length == 0 { &mut [] } else { slice_mut(scratch, scratch_length)? };
        linear::linear(
            slice_mut(output, product(&[rows, out_features])?)?,
            slice(input, product(&[rows, in_features])?)?,
            slice(packed, packed_length)?,
            optional_slice(optional_bias, out_features)?,
            activation,
            scratch,
            rows,
            in_features,
            out_features,
        );
        Ok(())
    };
    status(run())
}

/// Layer norm over the columns of `[rows, columns]`.
#[wasm_bindgen]
pub fn layer_norm(
    output: usize,
    input: usize,
    optional_weight: usize,
    optional_bias: usize,
    rows: usize,
    columns: usize,
    epsilon: f32,
) -> u32 {
    let run = || {
        let length = product(&[rows, columns])?;
        let weight = optional_slice(optional_weight, columns)?;
        let bias = optional_slice(optional_bias, columns)?;
        let output = slice_mut(output, length)?;
        normalization::layer_norm(output, slice(input, length)?, weight, bias, rows, columns, epsilon);
        Ok(())
    };
    status(run())
}

/// RMS norm over the columns of `[rows, columns]`.
#[wasm_bindgen]
pub fn rms_norm(output: usize, input: usize, optional_weight: usize, rows: usize, columns: usize, epsilon: f32) -> u32 {
    let run = || {
        let length = product(&[rows, columns])?;
        let weight = optional_slice(optional_weight, columns)?;
        normalization::rms_norm(slice_mut(output, length)?, slice(input, length)?, weight, rows, columns, epsilon);
        Ok(())
    };
    status(run())
}

/// GELU; `approximate` is 0 for the exact one, 1 for tanh's approximation.
#[wasm_bindgen]
pub fn gelu(output: usize, input: usize, length: usize, approximate: u32) -> u32 {
    let function = if approximate == 0 { activation::gelu } else { activation::gelu_tanh };
    activate(output, input, length, function)
}

/// SiLU.
#[wasm_bindgen]
pub fn silu(output: usize, input: usize, length: usize) -> u32 {
    activate(output, input, length, activation::silu)
}

/// ReLU.
#[wasm_bindgen]
pub fn relu(output: usize, input: usize, length: usize) -> u32 {
    activate(output, input, length, activation::relu)
}

fn activate(output: usize, input: usize, length: usize, function: fn(&mut [f32], &[f32])) -> u32 {
    let run = || {
        function(slice_mut(output, length)?, slice(input, length)?);
        Ok(())
    };
    status(run())
}

/// Rotary embedding of heads at `batch_stride`, `sequence_stride` and `head_stride`, the same in output and input;
/// cosine, sine: `[table_rows, rotary_size / 2]`; position ids: int32 `[sequence]` for each batch, `position_stride` apart.
#[wasm_bindgen]
pub fn rotary_embedding(
    output: usize,
    input: usize,
    cosine: usize,
    sine: usize,
    optional_position_ids: usize,
    batch: usize,
    sequence: usize,
    heads: usize,
    head_size: usize,
    rotary_size: usize,
    table_rows: usize,
    interleaved: u32,
    batch_stride: usize,
    sequence_stride: usize,
    head_stride: usize,
    position_stride: usize,
) -> u32 {
    let run = || {
        if rotary_size > head_size || !rotary_size.is_multiple_of(2) {
            return Err(Status::InvalidArgument);
        }
        if product(&[batch, sequence, heads])? == 0 {
            return Ok(());
        }
        let mut length = head_size;
        for (count, stride) in [(batch, batch_stride), (sequence, sequence_stride), (heads, head_stride)] {
            length = product(&[count - 1, stride])?.checked_add(length).ok_or(Status::InvalidArgument)?;
        }
        let positions = product(&[batch - 1, position_stride])?.checked_add(sequence).ok_or(Status::InvalidArgument)?;
        let table_length = product(&[table_rows, rotary_size / 2])?;
        let layout = RotaryLayout {
            batch,
            sequence,
            heads,
            head_size,
            batch_stride,
            sequence_stride,
            head_stride,
            position_stride,
        };
        rotary::rotary_embedding(
            slice_mut(output, length)?,
            slice(input, length)?,
            slice(cosine, table_length)?,
            slice(sine, table_length)?,
            optional_slice(optional_position_ids, positions)?,
            layout,
            rotary_size,
            interleaved != 0,
        )
        .map_err(|_| Status::IndexOutOfRange)
    };
    status(run())
}

/// frequencies: float64 `[pairs]`, for a sequence of `length`; `kind` is that of a `RopeScaling`, whose fields follow.
#[wasm_bindgen]
pub fn rotary_frequencies(
    frequencies: usize,
    pairs: usize,
    base: f64,
    length: f64,
    kind: u32,
    first: f64,
    second: f64,
    third: f64,
    fourth: f64,
    fifth: f64,
) -> u32 {
    let run = || {
        let scaling = RopeScaling::from_numbers(kind, [first, second, third, fourth, fifth]);
        let scaling = scaling.ok_or(Status::InvalidArgument)?;
        rotary_frequencies::rotary_frequencies(slice_mut(frequencies, pairs)?, base, scaling, length);
        Ok(())
    };
    status(run())
}

/// By what YaRN multiplies cosines and sines.
#[wasm_bindgen]
pub fn rotary_attention_factor(factor: f64, mscale: f64, mscale_all_dim: f64) -> f64 {
    rotary_frequencies::rotary_attention_factor(factor, mscale, mscale_all_dim)
}

/// cosine, sine `[rows, pairs]` of position · frequency, times the attention factor; frequencies: float64 `[pairs]`; the
/// positions: int32 `[rows]`, or `first_position` and those that follow.
#[wasm_bindgen]
pub fn rotary_tables(
    cosine: usize,
    sine: usize,
    frequencies: usize,
    optional_position_ids: usize,
    first_position: usize,
    rows: usize,
    pairs: usize,
    attention_factor: f64,
) -> u32 {
    let run = || {
        let length = product(&[rows, pairs])?;
        rotary::rotary_tables(
            slice_mut(cosine, length)?,
            slice_mut(sine, length)?,
            slice(frequencies, pairs)?,
            optional_slice(optional_position_ids, rows)?,
            first_position,
            attention_factor,
        );
        Ok(())
    };
    status(run())
}

/// output `[count, width]` = rows of table `[rows, width]` by int32 indices.
#[wasm_bindgen]
pub fn embedding(output: usize, table: usize, indices: usize, count: usize, rows: usize, width: usize) -> u32 {
    let run = || {
        let output = slice_mut(output, product(&[count, width])?)?;
        let table = slice(table, product(&[rows, width])?)?;
        embedding::embedding(output, table, slice(indices, count)?, rows, width).map_err(|_| Status::IndexOutOfRange)
    };
    status(run())
}

/// output `[rows, width]` = sines and cosines of positions.
#[wasm_bindgen]
pub fn sinusoidal_positions(output: usize, rows: usize, width: usize) -> u32 {
    let run = || {
        embedding::sinusoidal_positions(slice_mut(output, product(&[rows, width])?)?, rows, width);
        Ok(())
    };
    status(run())
}

/// Elements `offset` to `offset + length` of the seed's uniform stream in [low, high).
#[wasm_bindgen]
pub fn random_uniform(
    output: usize,
    length: usize,
    low: f32,
    high: f32,
    seed_low: u32,
    seed_high: u32,
    offset_low: u32,
    offset_high: u32,
) -> u32 {
    let run = || {
        let offset = u64::from(offset_low) | u64::from(offset_high) << 32;
        random::uniform(slice_mut(output, length)?, low, high, [seed_low, seed_high], offset);
        Ok(())
    };
    status(run())
}

/// Elements `offset` to `offset + length` of the seed's normal stream.
#[wasm_bindgen]
pub fn random_normal(
    output: usize,
    length: usize,
    mean: f32,
    deviation: f32,
    seed_low: u32,
    seed_high: u32,
    offset_low: u32,
    offset_high: u32,
) -> u32 {
    let run = || {
        let offset = u64::from(offset_low) | u64::from(offset_high) << 32;
        random::normal(slice_mut(output, length)?, mean, deviation, [seed_low, seed_high], offset);
        Ok(())
    };
    status(run())
}

/// Converts `length` elements between the float dtypes (0 float32, 1 float16, 2 bfloat16).
#[wasm_bindgen]
pub fn convert(output: usize, output_dtype: u32, input: usize, input_dtype: u32, length: usize) -> u32 {
    let run = || {
        let output_dtype = Dtype::from_u32(output_dtype).ok_or(Status::InvalidArgument)?;
        let input_dtype = Dtype::from_u32(input_dtype).ok_or(Status::InvalidArgument)?;
        match (output_dtype, input_dtype) {
            (Dtype::Float32, Dtype::Float32) => {
                slice_mut::<f32>(output, length)?.copy_from_slice(slice(input, length)?);
            }
            (Dtype::Float32, _) => numeric::widen(slice_mut(output, length)?, slice(input, length)?, input_dtype),
            (_, Dtype::Float32) => numeric::narrow(slice_mut(output, length)?, slice(input, length)?, output_dtype),
            _ => {
                let output = slice_mut(output, length)?;
                numeric::convert_half(output, output_dtype, slice(input, length)?, input_dtype);
            }
        }
        Ok(())
    };
    status(run())
}
