//! The exports of attention: an argument block in.

use super::arguments::{ABSENT, AttentionArguments, AttentionBackwardArguments};
use super::numbers::{CausalAlignment, MaskDtype, OVERFLOW};
use super::slices::{Number, optional_slice, optional_slice_mut, product, read, slice, slice_mut};
use crate::attention::arrays::{Elements, ElementsMut, Heads, KeyHeads, Strides, ValueHeads, concatenate};
use crate::attention::backward_call::{Cotangents, Forward, Gradients, HeadGradients, WeightsCotangent};
use crate::attention::dropout::Dropout;
use crate::attention::mask::{Mask, MaskElements};
use crate::attention::scratch::{self, BackwardScratch, Scratch, SharedWanted, Statistics};
use crate::attention::visibility::Visibility;
use crate::attention::weights::{WeightsMode, WeightsRequest};
use crate::attention::{self, Attention, Outputs, Sizes, Slopes};
use crate::dtype::Dtype;
use crate::simd::F32x4;
use wasm_bindgen::prelude::wasm_bindgen;

/// Bytes of working memory that `attention_forward` needs for these arguments; `OVERFLOW` when the sizes overflow.
/// `scratch` and the outputs' pointers may still be 0.
#[wasm_bindgen]
pub fn attention_scratch_bytes(arguments: usize) -> u32 {
    let arguments = read::<AttentionArguments>(arguments);
    let attention = attention(&arguments);
    let floats = scratch::length(&attention, weights_request(&arguments).as_ref());
    floats.and_then(|floats| floats.checked_mul(4)).map_or(OVERFLOW, |bytes| bytes as u32)
}

/// Scaled dot-product attention over the argument block at `arguments`.
#[wasm_bindgen]
pub fn attention_forward(arguments: usize) {
    let arguments = read::<AttentionArguments>(arguments);
    if arguments.weights_mode != ABSENT && arguments.weights == 0 {
        panic!();
    }
    if arguments.past_key != 0 {
        write_present(&arguments);
    }
    let attention = attention(&arguments);
    let weights = weights_request(&arguments);
    let length = scratch::length(&attention, weights.as_ref()).unwrap();
    let memory = slice_mut::<f32>(arguments.scratch as usize, length);
    let mut scratch = Scratch::split(memory, &attention, weights.as_ref()).unwrap();
    let sizes = &attention.sizes;
    let rows = product(&[sizes.batch, sizes.heads, sizes.query_length]);
    let log_sum_exp = match arguments.log_sum_exp {
        0 => None,
        pointer => Some(slice_mut(pointer as usize, rows)),
    };
    if arguments.statistics != 0 {
        let (references, inverses) = slice_mut(arguments.statistics as usize, product(&[2, rows])).split_at_mut(rows);
        scratch.statistics = Statistics { references, inverses };
    }
    let outputs = Outputs {
        output: elements_mut(arguments.output, product(&[rows, sizes.value_head_size]), dtype(arguments.output_dtype)),
        output_strides: output_strides(&arguments),
        log_sum_exp,
        weights,
    };
    attention::attention_forward(outputs, &attention, scratch);
}

/// Bytes of working memory that `attention_backward` needs for these arguments; `OVERFLOW` when the sizes overflow.
/// `scratch` may still be 0.
#[wasm_bindgen]
pub fn attention_backward_scratch_bytes(arguments: usize, backward_arguments: usize) -> u32 {
    let attention = attention(&read::<AttentionArguments>(arguments));
    let backward = read::<AttentionBackwardArguments>(backward_arguments);
    let floats = scratch::backward_length(&attention, backward.weights_cotangent != 0, wanted(&backward));
    floats.and_then(|floats| floats.checked_mul(4)).map_or(OVERFLOW, |bytes| bytes as u32)
}

/// The gradients of attention, over the argument block of the forward call, of which it reads what describes the inputs, and one
/// of its own.
#[wasm_bindgen]
pub fn attention_backward(arguments: usize, backward_arguments: usize) {
    let arguments = read::<AttentionArguments>(arguments);
    let backward = read::<AttentionBackwardArguments>(backward_arguments);
    let attention = attention(&arguments);
    let sizes = &attention.sizes;
    let has_weights = backward.weights_cotangent != 0;
    let length = scratch::backward_length(&attention, has_weights, wanted(&backward)).unwrap();
    let memory = slice_mut::<f32>(backward.scratch as usize, length);
    let scratch = BackwardScratch::split(memory, &attention, has_weights, wanted(&backward)).unwrap();
    let rows = product(&[sizes.batch, sizes.heads, sizes.query_length]);
    let present_rows = product(&[sizes.batch, sizes.key_heads, sizes.key_length]);
    let float32 = |pointer: u32, rows: usize, size: usize, strides: Strides| -> Heads<'_> {
        Heads { elements: Elements::Float32(slice(pointer as usize, product(&[rows, size]))), strides }
    };
    let output = |pointer: u32| float32(pointer, rows, sizes.value_head_size, output_strides(&arguments));
    let present = |pointer: u32, size: usize, strides: Strides| -> Option<Heads<'_>> {
        (pointer != 0).then(|| float32(pointer, present_rows, size, strides))
    };
    let (references, inverses) = slice(backward.statistics as usize, product(&[2, rows])).split_at(rows);
    let forward = Forward { output: output(backward.output), references, inverses };
    let cotangents = Cotangents {
        output: output(backward.output_cotangent),
        present_key: present(backward.present_key_cotangent, sizes.head_size, present_key_strides(&arguments)),
        present_value: present(
            backward.present_value_cotangent,
            sizes.value_head_size,
            present_value_strides(&arguments),
        ),
        log_sum_exp: optional_slice(backward.log_sum_exp_cotangent as usize, rows),
        weights: weights_cotangent(&backward, sizes),
    };
    let (mask_length, slopes) = (arguments.mask_length as usize, attention.slopes.map_or(0, |s| s.slopes.len()));
    let key_rows = |rows: usize| product(&[sizes.batch, sizes.key_heads, rows]);
    let new_length = sizes.key_length - sizes.past_length;
    let gradient = |pointer: u32, rows: usize, size: usize, strides: Strides| -> _ {
        let elements = optional_slice_mut(pointer as usize, product(&[rows, size]));
        elements.map(|elements| HeadGradients { elements, strides })
    };
    let (past, new) = (key_rows(sizes.past_length), key_rows(new_length));
    let (key_size, value_size) = (sizes.head_size, sizes.value_head_size);
    let gradients = Gradients {
        query: gradient(backward.query_gradient, rows, key_size, attention.query.strides),
        key: gradient(backward.key_gradient, new, key_size, key_strides(&arguments)),
        value: gradient(backward.value_gradient, new, value_size, value_strides(&arguments)),
        past_key: gradient(backward.past_key_gradient, past, key_size, past_key_strides(&arguments)),
        past_value: gradient(backward.past_value_gradient, past, value_size, past_value_strides(&arguments)),
        mask: optional_slice_mut(backward.mask_gradient as usize, mask_length),
        slopes: optional_slice_mut(backward.slopes_gradient as usize, slopes),
        sinks: optional_slice_mut(backward.sinks_gradient as usize, sizes.heads),
    };
    attention::attention_backward(gradients, &attention, &forward, &cotangents, scratch);
}

const fn wanted(backward: &AttentionBackwardArguments) -> SharedWanted {
    SharedWanted {
        mask: backward.mask_gradient != 0,
        slopes: backward.slopes_gradient != 0,
        sinks: backward.sinks_gradient != 0,
    }
}

fn weights_cotangent<'a>(backward: &AttentionBackwardArguments, sizes: &Sizes) -> Option<WeightsCotangent<'a>> {
    if backward.weights_cotangent == 0 {
        return None;
    }
    let mode = WeightsMode::from_number(backward.weights_mode).unwrap();
    let (heads, rows) = (backward.weights_head_count as usize, backward.weights_row_count as usize);
    let length = product(&[sizes.batch, heads, rows, sizes.key_length]);
    let head_places: &[i32] = slice(backward.head_places as usize, sizes.heads);
    let row_places: &[i32] = slice(backward.row_places as usize, sizes.query_length);
    let inside = |places: &[i32], count: usize| places.iter().all(|&place| place < 0 || (place as usize) < count);
    if !inside(head_places, heads) || !inside(row_places, rows) {
        panic!();
    }
    Some(WeightsCotangent {
        mode,
        elements: slice(backward.weights_cotangent as usize, length),
        heads,
        rows,
        key_length: sizes.key_length,
        head_places,
        row_places,
        head_factors: slice(backward.head_factors as usize, sizes.heads),
    })
}

fn output_strides(arguments: &AttentionArguments) -> Strides {
    strides(arguments.output_batch_stride, arguments.output_head_stride, arguments.output_row_stride)
}

fn dtype(number: u32) -> Dtype {
    Dtype::from_number(number).unwrap()
}

fn attention_dtype(arguments: &AttentionArguments) -> Dtype {
    dtype(arguments.dtype)
}

fn elements<'a>(pointer: u32, length: usize, dtype: Dtype) -> Elements<'a> {
    match dtype {
        Dtype::Float32 => Elements::Float32(slice(pointer as usize, length)),
        _ => Elements::Bits(slice(pointer as usize, length), dtype),
    }
}

fn elements_mut<'a>(pointer: u32, length: usize, dtype: Dtype) -> ElementsMut<'a> {
    match dtype {
        Dtype::Float32 => ElementsMut::Float32(slice_mut(pointer as usize, length)),
        _ => ElementsMut::Bits(slice_mut(pointer as usize, length), dtype),
    }
}

fn strides(batch: u32, head: u32, row: u32) -> Strides {
    Strides { batch: batch as usize, head: head as usize, row: row as usize }
}

fn sizes(arguments: &AttentionArguments) -> Sizes {
    let key_length = arguments.past_length.checked_add(arguments.new_length).unwrap();
    let divides = arguments.key_heads != 0 && arguments.heads.is_multiple_of(arguments.key_heads);
    let has_elements = arguments.heads != 0 && arguments.head_size != 0 && arguments.value_head_size != 0;
    if !divides || !has_elements || key_length > i32::MAX as u32 || arguments.query_length > i32::MAX as u32 {
        panic!();
    }
    Sizes {
        batch: arguments.batch as usize,
        heads: arguments.heads as usize,
        key_heads: arguments.key_heads as usize,
        query_length: arguments.query_length as usize,
        past_length: arguments.past_length as usize,
        key_length: key_length as usize,
        head_size: arguments.head_size as usize,
        value_head_size: arguments.value_head_size as usize,
    }
}

/// Past and new keys and values, one after the other, into the present ones.
fn write_present(arguments: &AttentionArguments) {
    let sizes = sizes(arguments);
    let [past, new] = [sizes.past_length, sizes.key_length - sizes.past_length];
    let key = Concatenation {
        present: (arguments.present_key, present_key_strides(arguments)),
        past: (arguments.past_key, past_key_strides(arguments), past),
        new: (arguments.key, key_strides(arguments), new),
        size: sizes.head_size,
    };
    let value = Concatenation {
        present: (arguments.present_value, present_value_strides(arguments)),
        past: (arguments.past_value, past_value_strides(arguments), past),
        new: (arguments.value, value_strides(arguments), new),
        size: sizes.value_head_size,
    };
    for (concatenation, dtype) in [(key, attention_dtype(arguments)), (value, dtype(arguments.value_dtype))] {
        match dtype {
            Dtype::Float32 => concatenation.run::<u32>(&sizes),
            _ => concatenation.run::<u16>(&sizes),
        }
    }
}

/// Pointers, strides and rows of one concatenation.
struct Concatenation {
    present: (u32, Strides),
    past: (u32, Strides, usize),
    new: (u32, Strides, usize),
    size: usize,
}

impl Concatenation {
    /// Copies the bits; `T` is as wide as an element.
    fn run<T: Number>(&self, sizes: &Sizes) {
        let length = |rows: usize| product(&[sizes.batch, sizes.key_heads, rows, self.size]);
        let (past, new) = (&self.past, &self.new);
        concatenate::<T>(
            (slice_mut(self.present.0 as usize, length(past.2 + new.2)), self.present.1),
            (slice(past.0 as usize, length(past.2)), past.1, past.2),
            (slice(new.0 as usize, length(new.2)), new.1, new.2),
            sizes.batch,
            sizes.key_heads,
            self.size,
        );
    }
}

/// The call's inputs. With a past, keys and values are the present ones.
fn attention<'a>(arguments: &AttentionArguments) -> Attention<'a> {
    let sizes = sizes(arguments);
    let query_dtype = attention_dtype(arguments);
    let value_dtype = dtype(arguments.value_dtype);
    let rows = product(&[sizes.batch, sizes.heads, sizes.query_length]);
    let key_rows = product(&[sizes.batch, sizes.key_heads, sizes.key_length]);
    let query = Heads {
        elements: elements(arguments.query, product(&[rows, sizes.head_size]), query_dtype),
        strides: strides(arguments.query_batch_stride, arguments.query_head_stride, arguments.query_row_stride),
    };
    let (key, key_strides, value, value_strides) = if arguments.past_key == 0 {
        (arguments.key, key_strides(arguments), arguments.value, value_strides(arguments))
    } else {
        (
            arguments.present_key,
            present_key_strides(arguments),
            arguments.present_value,
            present_value_strides(arguments),
        )
    };
    let alignment = CausalAlignment::from_number(arguments.causal_alignment).unwrap();
    Attention {
        sizes,
        query,
        key: KeyHeads::Rows(Heads {
            elements: elements(key, product(&[key_rows, sizes.head_size]), query_dtype),
            strides: key_strides,
        }),
        value: ValueHeads::Rows(Heads {
            elements: elements(value, product(&[key_rows, sizes.value_head_size]), value_dtype),
            strides: value_strides,
        }),
        scale: if arguments.has_scale != 0 { arguments.scale } else { default_scale(sizes.head_size) },
        softcap: arguments.softcap,
        mask: mask(arguments),
        visibility: Visibility {
            is_causal: arguments.is_causal != 0,
            lower_right: alignment == CausalAlignment::LowerRight,
            left_window: u32::try_from(arguments.left_window_size).ok(),
            right_window: u32::try_from(arguments.right_window_size).ok(),
            key_lengths: optional_slice(arguments.key_lengths as usize, sizes.batch),
        },
        slopes: slopes(arguments, &sizes),
        sinks: optional_slice(arguments.sinks as usize, sizes.heads),
        dropout: (arguments.has_dropout != 0).then_some(Dropout {
            threshold: arguments.dropout_threshold,
            scale: arguments.dropout_scale,
            seed: [arguments.seed_low, arguments.seed_high],
        }),
    }
}

/// 1/√D.
fn default_scale(head_size: usize) -> f32 {
    (F32x4::splat(1.0) / F32x4::splat(head_size as f32).sqrt()).to_array()[0]
}

fn mask<'a>(arguments: &AttentionArguments) -> Option<Mask<'a>> {
    if arguments.mask == 0 {
        return None;
    }
    let length = arguments.mask_length as usize;
    let float = |dtype| MaskElements::Float(elements(arguments.mask, length, dtype));
    let elements = match MaskDtype::from_number(arguments.mask_dtype).unwrap() {
        MaskDtype::Float32 => float(Dtype::Float32),
        MaskDtype::Float16 => float(Dtype::Float16),
        MaskDtype::BFloat16 => float(Dtype::BFloat16),
        MaskDtype::Bool => MaskElements::Boolean(slice(arguments.mask as usize, length)),
    };
    Some(Mask {
        elements,
        batch_stride: arguments.mask_batch_stride as usize,
        head_stride: arguments.mask_head_stride as usize,
        row_stride: arguments.mask_row_stride as usize,
        key_stride: arguments.mask_key_stride as usize,
        keys: arguments.mask_keys as usize,
    })
}

fn slopes<'a>(arguments: &AttentionArguments, sizes: &Sizes) -> Option<Slopes<'a>> {
    let batch_stride = arguments.alibi_batch_stride as usize;
    let rows = if batch_stride == 0 { 1 } else { sizes.batch };
    let slopes = optional_slice(arguments.alibi_slopes as usize, product(&[rows, sizes.heads]));
    slopes.map(|slopes| Slopes { slopes, batch_stride })
}

fn weights_request<'a>(arguments: &AttentionArguments) -> Option<WeightsRequest<'a>> {
    let Ok(mode) = u32::try_from(arguments.weights_mode) else {
        return None;
    };
    let mode = WeightsMode::from_number(mode).unwrap();
    let sizes = sizes(arguments);
    let heads: &[u32] = slice(arguments.weights_heads as usize, arguments.weights_head_count as usize);
    let rows: &[u32] = slice(arguments.weights_rows as usize, arguments.weights_row_count as usize);
    let inside = heads.iter().all(|&h| h < arguments.heads) && rows.iter().all(|&i| i < arguments.query_length);
    let average_heads = arguments.average_heads != 0;
    let matrices = if average_heads { 1 } else { heads.len() };
    let length = product(&[sizes.batch, matrices, rows.len(), sizes.key_length]);
    if !inside {
        panic!();
    }
    // While the scratch is being measured there is no memory for the result yet.
    let elements = match arguments.weights {
        0 => ElementsMut::Float32(&mut []),
        pointer => elements_mut(pointer, length, attention_dtype(arguments)),
    };
    Some(WeightsRequest { elements, mode, heads, rows, average_heads })
}

fn key_strides(arguments: &AttentionArguments) -> Strides {
    strides(arguments.key_batch_stride, arguments.key_head_stride, arguments.key_row_stride)
}

fn value_strides(arguments: &AttentionArguments) -> Strides {
    strides(arguments.value_batch_stride, arguments.value_head_stride, arguments.value_row_stride)
}

fn past_key_strides(arguments: &AttentionArguments) -> Strides {
    strides(arguments.past_key_batch_stride, arguments.past_key_head_stride, arguments.past_key_row_stride)
}

fn past_value_strides(arguments: &AttentionArguments) -> Strides {
    strides(arguments.past_value_batch_stride, arguments.past_value_head_stride, arguments.past_value_row_stride)
}

fn present_key_strides(arguments: &AttentionArguments) -> Strides {
    strides(arguments.present_key_batch_stride, arguments.present_key_head_stride, arguments.present_key_row_stride)
}

fn present_value_strides(arguments: &AttentionArguments) -> Strides {
    strides(
        arguments.present_value_batch_stride,
        arguments.present_value_head_stride,
        arguments.present_value_row_stride,
    )
}
